"""When an account's balance will be used up, from the daily totals in the books."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.records import DailyUsage
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.projection import WINDOW_DAYS, exhaustion_day


class DailyTotals(Protocol):
    """The part of the ledger that knows what was used on which day."""

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
        """Totals per local day and model, both ends included."""
        ...


async def day_of_exhaustion(
    usage: DailyTotals,
    account_id: AccountId,
    *,
    remaining: int,
    at: dt.datetime,
    renewal: dt.datetime,
    time_zone: str,
) -> dt.date | None:
    """The local day on which an account will have used up what remains; None where it lasts until the renewal.

    Args:
        usage: daily totals.
        account_id: whose.
        remaining: booked tokens left at that time.
        at: the time of ``remaining``.
        renewal: when the next period begins.
        time_zone: the account's.
    """
    zone = ZoneInfo(time_zone)
    today = at.astimezone(zone).date()
    daily: Counter[dt.date] = Counter()
    # One window more tells an account that rested for some days from one that is new.
    for each in await usage.daily_usage(account_id, since=today - dt.timedelta(days=2 * WINDOW_DAYS), until=today):
        daily[each.day] += each.charge
    return exhaustion_day(remaining, daily, today=today, renews_on=renewal.astimezone(zone).date())
