"""Looks over all accounts, for reports and alarms; and events that such a look brings about."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.ids import AccountId


@dataclass(frozen=True, slots=True)
class NearLimit:
    """An account that has used most of what it has. Tokens are booked tokens."""

    account_id: AccountId
    name: str | None
    percent: int
    remaining: int
    period_end: dt.datetime


@dataclass(frozen=True, slots=True)
class MonthOfUse:
    """What was used on the local days of a time; records as they stand in the monthly report.

    Attributes:
        plans: ``plan``, ``accounts``, ``requests``, ``tokens`` and ``estimated_requests`` of each.
        users: ``account``, ``name``, ``plan``, ``requests`` and ``tokens`` of those who used most.
        models: ``model``, ``requests`` and ``tokens`` of those used most.
    """

    plans: Sequence[Mapping[str, Any]]
    users: Sequence[Mapping[str, Any]]
    models: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class BusyDay:
    """An account that has used much today, with its days before, oldest first. Tokens are booked tokens.

    Attributes:
        active: whether it may be used; a suspended one may have been used before, today.
    """

    account_id: AccountId
    active: bool
    today: dt.date
    tokens: int
    granted: int
    before: Sequence[int]


class SystemEvents(Protocol):
    """Lets events happen that no request brings about."""

    async def emit(
        self, kind: EventKind, key: str, details: Mapping[str, object], account_id: AccountId | None = None
    ) -> bool:
        """Let an event happen, once for each account and key. False where it had happened before."""
        ...


class Overview:
    """The looks, on PostgreSQL. They read all accounts: for jobs, not for requests."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def emit(
        self, kind: EventKind, key: str, details: Mapping[str, object], account_id: AccountId | None = None
    ) -> bool:
        """See :meth:`SystemEvents.emit`. The event of an account also says the account's figures."""
        row = await self._statements.one(
            "emit_system",
            {
                "account_id": account_id or "",
                "kind": kind.value,
                "key": key,
                "details": json.dumps(details),
                "now": self._clock(),
            },
        )
        return bool(row["emitted"])

    async def known(self, key: str, account_id: AccountId | None = None) -> bool:
        """Whether an event has happened."""
        row = await self._statements.one("event_known", {"account_id": account_id or "", "key": key})
        return bool(row["known"])

    async def near_limit(self, *, from_percent: int, limit: int) -> tuple[Sequence[NearLimit], int]:
        """Active accounts that have used so much of what they have, most first; and how many there are in all.

        Args:
            from_percent: use in whole percent.
            limit: how many to name at the most.
        """
        found = await self._statements.all(
            "near_limit", {"from_percent": from_percent, "limit": limit, "now": self._clock()}
        )
        named = [
            NearLimit(AccountId(row["account_id"]), row["name"], row["percent"], row["remaining"], row["period_end"])
            for row in found
        ]
        return named, found[0]["found"] if found else 0

    async def use_between(self, first_day: dt.date, last_day: dt.date, *, limit: int) -> MonthOfUse:
        """What was used on some local days, both ends included.

        Args:
            first_day: as each account's zone has it.
            last_day: likewise.
            limit: how many accounts, and models, to name at the most.
        """
        days = {"first_day": first_day, "last_day": last_day}
        return MonthOfUse(
            plans=[dict(row) for row in await self._statements.all("use_by_plan", days)],
            users=[dict(row) for row in await self._statements.all("use_by_account", {**days, "limit": limit})],
            models=[dict(row) for row in await self._statements.all("use_by_model", {**days, "limit": limit})],
        )

    async def busy_today(
        self, *, minimum_percent: int, history_days: int, after: AccountId | None = None, limit: int = 500
    ) -> Sequence[BusyDay]:
        """Active and suspended accounts that have used much today, in order of id.

        Args:
            minimum_percent: of what the account has been granted, on its local day.
            history_days: how many days before to tell.
            after: the last id of the page before.
            limit: the most that one page holds.
        """
        found = await self._statements.all(
            "busy_today",
            {
                "minimum_percent": minimum_percent,
                "history_days": history_days,
                "after": after or "",
                "limit": limit,
                "now": self._clock(),
            },
        )
        return [
            BusyDay(
                AccountId(row["account_id"]),
                row["active"],
                row["today"],
                row["tokens"],
                row["granted"],
                row["before"],
            )
            for row in found
        ]
