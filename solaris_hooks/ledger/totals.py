"""Figures over all accounts, for an administrator's overview: read from totals that a job keeps, never from usage.

They are some seconds old; :meth:`Totals.as_of` says how old.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.usage import Usage


class TrendUnit(StrEnum):
    """What a trend has a point for."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What was used of one model. ``tokens`` are booked ones, ``usage`` the provider's.

    Attributes:
        estimated_requests: those whose use no provider reported.
    """

    model: str
    requests: int
    estimated_requests: int
    tokens: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Span:
    """What was used from one moment until before another.

    Attributes:
        start: its first instant, UTC.
        models: each that was used, most booked tokens first.
    """

    start: dt.datetime
    models: Sequence[ModelUse] = ()

    @property
    def requests(self) -> int:
        """Over all models."""
        return sum(each.requests for each in self.models)

    @property
    def estimated_requests(self) -> int:
        """Over all models."""
        return sum(each.estimated_requests for each in self.models)

    @property
    def tokens(self) -> int:
        """Booked tokens over all models."""
        return sum(each.tokens for each in self.models)

    @property
    def used(self) -> Sequence[tuple[str, Usage]]:
        """The provider's tokens by model, as costs take them."""
        return [(each.model, each.usage) for each in self.models]


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """Accounts of one status and state of use. Tokens are booked ones of the periods that run."""

    status: Status
    state: State
    accounts: int
    granted: int
    used: int
    remaining: int


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """All accounts, counted.

    Attributes:
        as_of: when they were counted, UTC; None for never.
        groups: one for each status and state that some account has.
    """

    as_of: dt.datetime | None = None
    groups: Sequence[AccountGroup] = ()

    @property
    def accounts(self) -> int:
        """All of them."""
        return sum(each.accounts for each in self.groups)

    @property
    def by_status(self) -> Mapping[Status, int]:
        """Accounts of each status, 0 included."""
        return {each: sum(group.accounts for group in self.groups if group.status is each) for each in Status}

    @property
    def by_state(self) -> Mapping[State, int]:
        """Active accounts of each state of use, 0 included."""
        return {each: sum(group.accounts for group in self._active if group.state is each) for each in State}

    @property
    def granted(self) -> int:
        """Booked tokens granted to active accounts in the periods that run, their credits included."""
        return sum(each.granted for each in self._active)

    @property
    def used(self) -> int:
        """Booked tokens that active accounts have used in the periods that run."""
        return sum(each.used for each in self._active)

    @property
    def _active(self) -> Sequence[AccountGroup]:
        return [each for each in self.groups if each.status is Status.ACTIVE]


@dataclass(frozen=True, slots=True)
class TopAccount:
    """An account that used much. Tokens are booked tokens."""

    account_id: AccountId
    name: str | None
    email: str | None
    plan_id: str
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class TopAccounts:
    """Who used most on some local days, most tokens first.

    Attributes:
        as_of: when that was looked up, UTC; None where these days are not kept.
    """

    as_of: dt.datetime | None = None
    accounts: Sequence[TopAccount] = field(default_factory=tuple)


class Totals:
    """The figures, on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def as_of(self) -> dt.datetime | None:
        """Up to when calls are in the totals, UTC; None where none are yet."""
        row = await self._statements.one("rolled_until", {"now": self._clock()})
        return None if row["rolled_until"] is None else row["rolled_until"].astimezone(dt.UTC)

    async def counts(self) -> AccountCounts:
        """Accounts by status and state of use."""
        found = await self._statements.all("account_counts", {})
        if not found:
            return AccountCounts()
        groups = [
            AccountGroup(**{**each, "status": Status(each["status"]), "state": State(each["state"])})
            for each in json.loads(found[0]["counts"])
        ]
        return AccountCounts(found[0]["as_of"].astimezone(dt.UTC), groups)

    async def active_since(self, moment: dt.datetime) -> int:
        """How many accounts had a request since a moment."""
        row = await self._statements.one("active_since", {"since": moment})
        return int(row["accounts"])

    async def models(self) -> Sequence[str]:
        """All models that were ever used, by name."""
        return [row["model"] for row in await self._statements.all("used_models", {})]

    async def use(self, since: dt.datetime, until: dt.datetime) -> Span:
        """What was used in the hours that begin from ``since`` until before ``until``."""
        found = await self.spans(TrendUnit.MONTH, since, until, time_zone="UTC")
        models: dict[str, ModelUse] = {}
        for each in (model for span in found for model in span.models):
            before = models.get(each.model)
            models[each.model] = each if before is None else _sum(before, each)
        return Span(since, sorted(models.values(), key=_most_first))

    async def spans(self, unit: TrendUnit, since: dt.datetime, until: dt.datetime, *, time_zone: str) -> Sequence[Span]:
        """What was used in each hour, local day or local month that has any use, in order of time.

        Args:
            unit: what there is a span for.
            since: the first hour begins then or later.
            until: the last hour begins before.
            time_zone: of days and months. An hour in which another day begins counts for the day it begins on.
        """
        found = await self._statements.all(
            "use_by_hours", {"unit": unit.value, "time_zone": time_zone, "since": since, "until": until}
        )
        spans: dict[dt.datetime, list[ModelUse]] = {}
        for row in found:
            spans.setdefault(row["starts"].astimezone(dt.UTC), []).append(_model_use(row))
        return [Span(start, sorted(models, key=_most_first)) for start, models in sorted(spans.items())]

    async def top_accounts(self, first_day: dt.date, last_day: dt.date, *, limit: int = 10) -> TopAccounts:
        """Who used most on some local days, as it was last looked up.

        Args:
            first_day: as each account's zone has it; :func:`~solaris_hooks.ledger.rollup.top_spans` says what is kept.
            last_day: likewise.
            limit: accounts at the most.
        """
        found = await self._statements.all("top_accounts", {"first_day": first_day, "last_day": last_day})
        if not found:
            return TopAccounts()
        top = json.loads(found[0]["accounts"])[:limit]
        known = {
            row["account_id"]: row
            for row in await self._statements.all(
                "names_of_accounts", {"account_ids": [each["account"] for each in top]}
            )
        }
        return TopAccounts(
            found[0]["as_of"].astimezone(dt.UTC),
            [_top(each, known[each["account"]]) for each in top if each["account"] in known],
        )


def _most_first(use: ModelUse) -> tuple[int, str]:
    return -use.tokens, use.model


def _sum(one: ModelUse, other: ModelUse) -> ModelUse:
    return ModelUse(
        one.model,
        one.requests + other.requests,
        one.estimated_requests + other.estimated_requests,
        one.tokens + other.tokens,
        Usage(
            input_tokens=one.usage.input_tokens + other.usage.input_tokens,
            cached_input_tokens=one.usage.cached_input_tokens + other.usage.cached_input_tokens,
            output_tokens=one.usage.output_tokens + other.usage.output_tokens,
        ),
    )


def _model_use(row: Row) -> ModelUse:
    usage = Usage(
        input_tokens=row["input_tokens"],
        cached_input_tokens=row["cached_input_tokens"],
        output_tokens=row["output_tokens"],
    )
    return ModelUse(row["model"], row["requests"], row["estimated_requests"], row["tokens"], usage)


def _top(use: Mapping[str, int], row: Row) -> TopAccount:
    return TopAccount(
        AccountId(row["account_id"]), row["name"], row["email"], row["plan_id"], use["requests"], use["tokens"]
    )
