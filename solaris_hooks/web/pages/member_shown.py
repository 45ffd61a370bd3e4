"""What the statement of a team's member shows: his own share, and one line of what the team has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from solaris_hooks.ledger.credit_requests import CreditRequest
from solaris_hooks.ledger.member_calls import MemberCall
from solaris_hooks.ledger.members import daily_usage_of
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.quota.projection import WINDOW_DAYS, exhaustion_day
from solaris_hooks.quota.share import Share
from solaris_hooks.web.member_view import Standing
from solaris_hooks.web.pages.services import PageServices
from solaris_hooks.web.pages.shown import ENTRIES, REQUESTS, ModelUse, by_day, by_model, days_between, days_so_far


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls of a member, newest first.

    Attributes:
        older: the ``before`` of the page after this one; None where it is the last.
    """

    calls: Sequence[MemberCall]
    older: HoldId | None


@dataclass(frozen=True, slots=True)
class MemberShown:
    """The statement of a member of a team. All use in it is his own.

    Attributes:
        days: booked tokens of every local day of this period so far, oldest first.
        models: those that he used in this period, the most used one first.
        runs_out: the local day on which nothing will be left for him, at his own pace or at that of his team; None
            where the tokens last until the renewal, or are used up already.
        used_lately: whether he has a pace.
        requests: the latest requests for credits that he made.
    """

    standing: Standing
    days: Sequence[tuple[dt.date, int]]
    models: Sequence[ModelUse]
    runs_out: dt.date | None
    used_lately: bool
    requests: Sequence[CreditRequest]
    calls: CallPage

    @property
    def used(self) -> int:
        """Booked tokens of these days."""
        return sum(tokens for _, tokens in self.days)


async def member_shown_of(services: PageServices, account: Account, share: Share) -> MemberShown:
    """The statement of a member as of now.

    Args:
        services: the books.
        account: his team's, as seen by him.
        share: his.
    """
    balance, books = account.balance, services.books
    standing = Standing.of(balance, share)
    since, today, renews_on = days_so_far(balance)
    week = today - dt.timedelta(days=WINDOW_DAYS - 1)
    first = min(since, week)
    own = await daily_usage_of(books, account, since=first, until=today)
    of_team = await books.daily_usage(balance.account_id, since=first, until=today)
    own_days = by_day(own)
    ends = [
        exhaustion_day(standing.left, own_days, today=today, renews_on=renews_on),
        # Others use of it, too: of their pace he learns no more than the day on which his team has nothing left.
        exhaustion_day(balance.spendable_by_all, by_day(of_team), today=today, renews_on=renews_on),
    ]
    found = await services.api.requests.book.find(
        account_id=balance.account_id, requested_by=share.member_id, limit=REQUESTS
    )
    return MemberShown(
        standing=standing,
        days=[(day, own_days[day]) for day in days_between(since, today)],
        models=by_model([each for each in own if each.day >= since]),
        runs_out=min((each for each in ends if each is not None), default=None) if standing.left else None,
        used_lately=any(own_days[day] for day in days_between(week, today)),
        requests=found,
        calls=await calls_of(services, account, share, before=None),
    )


async def calls_of(services: PageServices, account: Account, share: Share, *, before: HoldId | None) -> CallPage:
    """A page of a member's calls that began before one of them."""
    found = await services.books.members.calls(
        account.balance.account_id, share.member_id, limit=ENTRIES + 1, before=before
    )
    page = found[:ENTRIES]
    return CallPage(page, page[-1].call_id if len(found) > ENTRIES else None)
