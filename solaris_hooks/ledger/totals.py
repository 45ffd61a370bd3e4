"""Figures over all accounts, for an administrator's overview: read from totals that a job keeps, never from usage.

They are some seconds old; :meth:`Totals.as_of` says how old.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.unit_use import units_of
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.costs import Used
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.usage import Usage


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What was used of one model. ``tokens`` are booked ones, ``usage`` the provider's.

    Attributes:
        estimated_requests: those whose use no provider reported.
        units: of calls that are paid by the unit: how many of each.
    """

    model: str
    requests: int
    estimated_requests: int
    tokens: int
    usage: Usage
    units: Mapping[Unit, Decimal] = field(default_factory=dict)


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
    def used(self) -> Sequence[Used]:
        """The provider's tokens and units by model, as costs take them."""
        return [Used(each.model, each.usage, each.units) for each in self.models]


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

    async def spans(self, starts: Sequence[dt.datetime]) -> Sequence[Span]:
        """What was used from each of some moments until before the next one; the last one only ends a span.

        Args:
            starts: aware, in order. Totals are kept by UTC hours: an hour counts for the span in which it begins.
        """
        found = await self._statements.all("use_by_hours", {"starts": list(starts[:-1]), "ends": list(starts[1:])})
        models: dict[dt.datetime, list[ModelUse]] = {}
        for row in found:
            models.setdefault(row["starts"].astimezone(dt.UTC), []).append(_model_use(row))
        each = [start.astimezone(dt.UTC) for start in starts[:-1]]
        return [Span(start, sorted(models.get(start, []), key=_most_first)) for start in each]

    async def days(self, starts: Sequence[dt.date]) -> Sequence[Sequence[ModelUse]]:
        """What was used by model from each of some days until before the next one, as each account's zone has them.

        For spans of many days: it reads fewer rows than :meth:`spans`.

        Args:
            starts: in order; the last one only ends a span.
        """
        ends = [start - dt.timedelta(days=1) for start in starts[1:]]
        found = await self._statements.all("use_by_days", {"starts": list(starts[:-1]), "ends": ends})
        models: dict[dt.date, list[ModelUse]] = {}
        for row in found:
            models.setdefault(row["starts"], []).append(_model_use(row))
        return [sorted(models.get(start, []), key=_most_first) for start in starts[:-1]]

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


def _model_use(row: Row) -> ModelUse:
    usage = Usage(
        input_tokens=row["input_tokens"],
        cached_input_tokens=row["cached_input_tokens"],
        output_tokens=row["output_tokens"],
    )
    return ModelUse(row["model"], row["requests"], row["estimated_requests"], row["tokens"], usage, units_of(row))


def _top(use: Mapping[str, int], row: Row) -> TopAccount:
    return TopAccount(
        AccountId(row["account_id"]), row["name"], row["email"], row["plan_id"], use["requests"], use["tokens"]
    )
