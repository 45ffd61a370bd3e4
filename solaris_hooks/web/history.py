"""Entries and use of one account: the same for administrators and for the account's own user."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.members import daily_usage_of
from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.web.answers import EntriesAnswer, UsageAnswer
from solaris_hooks.web.bodies import MAX_DAYS, EntriesQuery, UsageQuery


async def entries_page(books: Books, account: Account, query: EntriesQuery, *, own: bool) -> EntriesAnswer:
    """A page of entries, newest first."""
    found = await books.entries(account.balance.account_id, limit=query.limit + 1, before=query.before)
    return EntriesAnswer.of(found, query.limit, own=own)


async def usage_over(books: Books, account: Account, query: UsageQuery) -> UsageAnswer:
    """Totals per day and model; of this period so far where nothing else is asked.

    Raises:
        InvalidRequestError: the days are in the wrong order, or too many.
    """
    zone = ZoneInfo(account.balance.time_zone)
    until = query.until or dt.datetime.now(zone).date()
    since = query.since or min(until, account.balance.period.start.astimezone(zone).date())
    if since > until:
        raise InvalidRequestError('"since" must not be after "until".', param="since")
    if (until - since).days >= MAX_DAYS:
        raise InvalidRequestError(f"Ask for at most {MAX_DAYS} days at once.", param="since")
    days = await daily_usage_of(books, account, since=since, until=until)
    return UsageAnswer.of(since, until, days)
