"""What a statement shows: picked from the books in one place, for pages and whatever else shows it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.credit_requests import CreditRequest
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.records import Account, CreditLot, DailyUsage
from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.projection import WINDOW_DAYS, exhaustion_day
from solaris_hooks.web.pages.entries import Line, lines
from solaris_hooks.web.pages.services import PageServices

ENTRIES = 10
"""Entries of a page."""

REQUESTS = 5
NEWS = 5
_LOOKED_THROUGH = 40
"""Events among which news are looked for."""

TOLD = frozenset(
    {
        EventKind.THRESHOLD_CROSSED,
        EventKind.QUOTA_EXHAUSTED,
        EventKind.CREDIT_GRANTED,
        EventKind.CREDIT_REVOKED,
        EventKind.CREDIT_DECIDED,
        EventKind.PERIOD_RENEWED,
        EventKind.PERIOD_RESET,
        EventKind.MESSAGE_SENT,
        EventKind.ACCOUNT_SUSPENDED,
        EventKind.ACCOUNT_REACTIVATED,
    }
)
"""Events that are news to the account's user."""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Use of one model in this period.

    Attributes:
        tokens: booked (weighted).
        estimated: requests whose use no provider reported, so that it was estimated.
    """

    model: str
    tokens: int
    requests: int
    estimated: int


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first.

    Attributes:
        older: the ``before`` of the page after this one; None where it is the last.
    """

    lines: Sequence[Line]
    older: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement.

    Attributes:
        days: booked tokens of every local day of this period so far, oldest first.
        models: those that were used in this period, the most used one first.
        runs_out: the local day on which nothing will be left at the pace of the last days; None where the tokens last
            until the renewal, or are used up already.
        used_lately: whether there is a pace.
        lots: credits that are left, in the order in which they are used.
        requests: the latest requests for credits.
        news: what the user was told, newest first.
    """

    days: Sequence[tuple[dt.date, int]]
    models: Sequence[ModelUse]
    runs_out: dt.date | None
    used_lately: bool
    lots: Sequence[CreditLot]
    requests: Sequence[CreditRequest]
    news: Sequence[Event]
    entries: EntryPage

    @property
    def used(self) -> int:
        """Booked tokens of these days."""
        return sum(tokens for _, tokens in self.days)


async def shown_of(services: PageServices, account: Account) -> Shown:
    """The statement of an account as of now. Every figure in it is of that account alone."""
    balance, books = account.balance, services.books
    since, today, renews_on = days_so_far(balance)
    first = min(since, today - dt.timedelta(days=WINDOW_DAYS - 1))
    known = await books.daily_usage(balance.account_id, since=first, until=today)
    used = by_day(known)
    runs_out = exhaustion_day(balance.remaining, used, today=today, renews_on=renews_on)
    events = await books.events(balance.account_id, limit=_LOOKED_THROUGH)
    return Shown(
        days=[(day, used[day]) for day in days_between(since, today)],
        models=by_model([each for each in known if each.day >= since]),
        runs_out=runs_out if balance.remaining > 0 else None,
        used_lately=any(used[day] for day in days_between(today - dt.timedelta(days=WINDOW_DAYS - 1), today)),
        lots=account.lots,
        requests=await services.api.requests.book.find(account_id=balance.account_id, limit=REQUESTS),
        news=[each for each in events if each.kind in TOLD][:NEWS],
        entries=await entries_of(services, account, before=None),
    )


async def entries_of(services: PageServices, account: Account, *, before: int | None) -> EntryPage:
    """A page of entries with numbers below ``before``."""
    own: AccountId = account.balance.account_id
    found = await services.books.entries(own, limit=ENTRIES + 1, before=before)
    page = found[:ENTRIES]
    return EntryPage(lines(account.balance.locale, page), page[-1].number if len(found) > ENTRIES else None)


def days_so_far(balance: Balance) -> tuple[dt.date, dt.date, dt.date]:
    """The local days on which this period began, that it is now within it, and on which the next one begins."""
    zone = ZoneInfo(balance.time_zone)
    since, renews_on = (each.astimezone(zone).date() for each in (balance.period.start, balance.period.end))
    today = min(max(since, dt.datetime.now(zone).date()), max(since, renews_on - dt.timedelta(days=1)))
    return since, today, renews_on


def days_between(first: dt.date, last: dt.date) -> Sequence[dt.date]:
    """Local days, both ends included."""
    return [first + dt.timedelta(days=each) for each in range((last - first).days + 1)]


def by_day(days: Sequence[DailyUsage]) -> Counter[dt.date]:
    """Booked tokens by local day."""
    totals: Counter[dt.date] = Counter()
    for each in days:
        totals[each.day] += each.charge
    return totals


def by_model(days: Sequence[DailyUsage]) -> Sequence[ModelUse]:
    """Use by model, the most used one first."""
    names = sorted({each.model for each in days})
    of = {name: [each for each in days if each.model == name] for name in names}
    uses = [
        ModelUse(
            name,
            tokens=sum(each.charge for each in of[name]),
            requests=sum(each.requests for each in of[name]),
            estimated=sum(each.estimated_requests for each in of[name]),
        )
        for name in names
    ]
    return sorted(uses, key=lambda use: -use.tokens)
