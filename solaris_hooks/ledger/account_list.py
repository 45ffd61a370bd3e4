"""Accounts as administrators list them: filtered, in several orders, a page at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.ids import AccountId

NEVER = "-infinity"
"""The place of an account that was never used, by its last use."""

PERCENTS: Mapping[State, tuple[int, int | None]] = {
    State.NORMAL: (0, 80),
    State.WARNING: (80, 95),
    State.CRITICAL: (95, 100),
    State.EXHAUSTED: (100, None),
}
"""Use in whole percent of each state: from, and below."""


class AccountSort(StrEnum):
    """What accounts are put in order by; those of the same place, by id."""

    ID = "id"
    USE_PERCENT = "use_percent"
    USED = "used"
    REMAINING = "remaining"
    LAST_USED = "last_used"
    """Those that were never used come before all others."""
    CREATED = "created"


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts to list; None takes all.

    Attributes:
        query: a part of the id, the e-mail address or the name, in any case.
        state: of use: normal, warning, critical or exhausted.
        used_after: last used then or later, UTC.
        used_before: last used before, or never.
    """

    query: str = ""
    status: Status | None = None
    plan_id: str | None = None
    state: State | None = None
    used_after: dt.datetime | None = None
    used_before: dt.datetime | None = None

    @property
    def percents(self) -> tuple[int | None, int | None]:
        """The state as use in whole percent: from, and below."""
        return (None, None) if self.state is None else PERCENTS[self.state]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended.

    Attributes:
        value: what the last account was put in order by, as text; "" in order of id.
        account_id: the last account.
    """

    value: str
    account_id: AccountId


@dataclass(frozen=True, slots=True)
class AccountListing:
    """A page of accounts; ``next_after`` is where it ended, where more follow."""

    accounts: Sequence[Account]
    next_after: Place | None


class AccountList(Protocol):
    """Lists accounts.

    Figures are as of now. Filters and orders go by figures that follow calls within seconds; what people change is
    in them at once.
    """

    async def page(
        self,
        wanted: AccountFilter,
        *,
        sort: AccountSort = AccountSort.ID,
        descending: bool = False,
        limit: int = 50,
        after: Place | None = None,
    ) -> AccountListing:
        """A page of accounts.

        Args:
            wanted: which accounts.
            sort: their order.
            descending: the other way round.
            limit: accounts at the most.
            after: where the page before ended, in the same order.
        """
        ...


class MemoryAccountList:
    """Keeps the contract of :class:`AccountList` in memory. Tests and demos only."""

    def __init__(self, everybody: Callable[[], Sequence[Account]]) -> None:
        """Keep what reads all accounts as of now."""
        self._everybody = everybody

    async def page(
        self,
        wanted: AccountFilter,
        *,
        sort: AccountSort = AccountSort.ID,
        descending: bool = False,
        limit: int = 50,
        after: Place | None = None,
    ) -> AccountListing:
        """See :meth:`AccountList.page`."""
        found = sorted(
            (each for each in self._everybody() if _takes(wanted, each)),
            key=lambda each: _place(each, sort),
            reverse=descending,
        )
        if after is not None:
            end = (_value(sort, after.value), after.account_id)
            found = [each for each in found if (_place(each, sort) < end if descending else _place(each, sort) > end)]
        page = found[:limit]
        more = len(found) > limit and page
        return AccountListing(page, Place(_text(page[-1], sort), page[-1].balance.account_id) if more else None)


_Value = int | dt.datetime
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


def _takes(wanted: AccountFilter, account: Account) -> bool:
    balance, query = account.balance, wanted.query.lower()
    last = account.last_used_at or _LONG_AGO
    return (
        any(query in (text or "").lower() for text in (balance.account_id, account.email, account.name))
        and wanted.status in {None, balance.status}
        and wanted.plan_id in {None, balance.plan_id}
        and wanted.state in {None, balance.state}
        and (wanted.used_after is None or last >= wanted.used_after)
        and (wanted.used_before is None or last < wanted.used_before)
    )


def _figure(account: Account, sort: AccountSort) -> _Value:
    figures: Mapping[AccountSort, _Value] = {
        AccountSort.ID: 0,
        AccountSort.USE_PERCENT: account.balance.use_percent,
        AccountSort.USED: account.balance.used,
        AccountSort.REMAINING: account.balance.remaining,
        AccountSort.LAST_USED: account.last_used_at or _LONG_AGO,
        AccountSort.CREATED: account.created_at,
    }
    return figures[sort]


def _place(account: Account, sort: AccountSort) -> tuple[_Value, AccountId]:
    return _figure(account, sort), account.balance.account_id


def _text(account: Account, sort: AccountSort) -> str:
    figure = _figure(account, sort)
    if isinstance(figure, dt.datetime):
        return NEVER if figure == _LONG_AGO else figure.isoformat()
    return "" if sort is AccountSort.ID else str(figure)


def _value(sort: AccountSort, text: str) -> _Value:
    if sort in {AccountSort.LAST_USED, AccountSort.CREATED}:
        return _LONG_AGO if text == NEVER else dt.datetime.fromisoformat(text)
    return int(text or 0)
