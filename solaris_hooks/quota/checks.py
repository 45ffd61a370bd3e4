"""Values that administrators choose, checked before they reach the books: the same for every ledger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from zoneinfo import available_timezones

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.plan import Plan
from solaris_hooks.quota.terms import Field, OverrideValue

MAX_TOKENS = 10**15
"""More than anybody grants; sums of such figures stay far inside PostgreSQL's bigint."""

MAX_THRESHOLDS = 20
"""More notices than anybody reads in a month."""

MAX_PATTERNS = 200
MAX_PATTERN_CHARACTERS = 300
MAX_IN_FLIGHT = 1_000_000
MAX_TRIAL_DAYS = 3660

_PLAN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@cache
def _zones() -> frozenset[str]:
    """All names of time zones; the machine's own ``localtime`` is none that another machine would know."""
    return frozenset(available_timezones() - {"localtime"})


def checked_time_zone(name: str) -> str:
    """Return the name of a time zone that exists.

    Python's spelling decides: PostgreSQL alone would also take abbreviations, other cases and
    POSIX rules (``XYZ3``), and then the two would disagree about when a month begins.

    Raises:
        InvalidRequestError: there is no such zone.
    """
    if name not in _zones():
        raise InvalidRequestError(
            f'There is no time zone "{name}"; use an IANA name such as America/Sao_Paulo.', param="time_zone"
        )
    return name


def checked_anchor_day(day: int) -> int:
    """Return a day of the month, 1 to 31.

    Raises:
        InvalidRequestError: no month has such a day.
    """
    if not 1 <= day <= 31:  # noqa: PLR2004 - days of the longest month
        raise InvalidRequestError("The anchor day is a day of the month, 1 to 31.", param="anchor_day")
    return day


def checked_plan(plan_id: str, monthly_tokens: int, thresholds: Sequence[int]) -> None:
    """Return if a plan can be.

    Raises:
        InvalidRequestError: its id, its tokens or its thresholds cannot be.
    """
    if not _PLAN_ID.fullmatch(plan_id):
        raise InvalidRequestError(
            "A plan's id has 1 to 64 of a-z, 0-9, - and _, and begins with a letter or a digit.",
            param="plan_id",
        )
    checked_monthly_tokens(monthly_tokens)
    checked_thresholds(thresholds)


def checked_limit(tokens: int | None) -> None:
    """Return if a member of a team can be limited to so many tokens a period; None is no limit.

    Raises:
        InvalidRequestError: it is below 0, or more than anybody grants.
    """
    if tokens is not None and not 0 <= tokens <= MAX_TOKENS:
        raise InvalidRequestError(f"A limit is 0 to {MAX_TOKENS} tokens.", param="limit")


def checked_monthly_tokens(tokens: int) -> None:
    """Return if so many tokens can be granted a month.

    Raises:
        InvalidRequestError: they cannot.
    """
    if not 0 <= tokens <= MAX_TOKENS:
        raise InvalidRequestError(f"A plan grants from 0 to {MAX_TOKENS} tokens a month.", param="monthly_tokens")


def checked_thresholds(thresholds: Sequence[int]) -> None:
    """Return if people can be told at these percentages.

    Raises:
        InvalidRequestError: they cannot.
    """
    ascending = all(low < high for low, high in pairwise(thresholds))
    percents = all(percent in range(1, 101) for percent in thresholds)
    if len(thresholds) > MAX_THRESHOLDS or not ascending or not percents:
        raise InvalidRequestError(
            f"Thresholds are at most {MAX_THRESHOLDS} percentages from 1 to 100, each higher than the last.",
            param="thresholds",
        )


def checked_grant(tokens: int) -> int:
    """Return tokens that can be granted.

    Raises:
        InvalidRequestError: they are none, or absurdly many.
    """
    if not 1 <= tokens <= MAX_TOKENS:
        raise InvalidRequestError(f"A grant is of 1 to {MAX_TOKENS} tokens.", param="tokens")
    return tokens


def checked_terms(plan: Plan) -> None:
    """Return if a plan and its terms can be.

    Raises:
        InvalidRequestError: one of them cannot.
    """
    checked_plan(plan.plan_id, plan.monthly_tokens, plan.thresholds)
    checked_models(plan.allowed_models)
    checked_overdraft(plan.overdraft)
    checked_max_in_flight(plan.max_in_flight)
    if plan.time_zone is not None:
        checked_time_zone(plan.time_zone)
    if plan.anchor_day is not None:
        checked_anchor_day(plan.anchor_day)
    if plan.trial_days is not None and not 1 <= plan.trial_days <= MAX_TRIAL_DAYS:
        raise InvalidRequestError(f"A trial lasts 1 to {MAX_TRIAL_DAYS} days.", param="trial_days")
    if plan.trial_then is not None and plan.trial_days is None:
        raise InvalidRequestError("A plan that follows a trial needs trial_days.", param="trial_days")
    if plan.trial_then == plan.plan_id:
        raise InvalidRequestError("Another plan must follow a trial.", param="trial_then")


def checked_models(patterns: Sequence[str] | None) -> None:
    """Return if patterns of models can be.

    Raises:
        InvalidRequestError: there are too many, or one cannot match a name.
    """
    if patterns is None:
        return
    fit = all(0 < len(each) <= MAX_PATTERN_CHARACTERS and each.isprintable() for each in patterns)
    if len(patterns) > MAX_PATTERNS or not fit:
        raise InvalidRequestError(
            f"Allowed models: at most {MAX_PATTERNS} patterns of {MAX_PATTERN_CHARACTERS} printable characters.",
            param="allowed_models",
        )


def checked_override(field: Field, value: OverrideValue) -> None:
    """Return if a term of an account's own can be.

    Raises:
        InvalidRequestError: it cannot.
    """
    if isinstance(value, tuple):
        if field is Field.THRESHOLDS:
            checked_thresholds([each for each in value if isinstance(each, int)])
        else:
            checked_models([str(each) for each in value])
    elif field is Field.MAX_IN_FLIGHT:
        checked_max_in_flight(value)
    elif value is None and field is not Field.ALLOWED_MODELS:
        raise InvalidRequestError(f"{field} cannot be without a value.", param=field)
    elif isinstance(value, int) and field is Field.OVERDRAFT:
        checked_overdraft(value)
    elif isinstance(value, int) and field is Field.MONTHLY_TOKENS:
        checked_monthly_tokens(value)


def checked_overdraft(tokens: int) -> None:
    """Return if an overdraft can be.

    Raises:
        InvalidRequestError: it is below 0, or absurd.
    """
    if not 0 <= tokens <= MAX_TOKENS:
        raise InvalidRequestError(f"An overdraft is of 0 to {MAX_TOKENS} tokens.", param="overdraft")


def checked_max_in_flight(requests: int | None) -> None:
    """Return if a limit of requests at once can be.

    Raises:
        InvalidRequestError: it lets none pass, or is absurd.
    """
    if requests is not None and not 1 <= requests <= MAX_IN_FLIGHT:
        raise InvalidRequestError(f"Requests at once are 1 to {MAX_IN_FLIGHT}.", param="max_in_flight")
