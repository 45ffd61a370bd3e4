"""Reports to administrators, made as events: each once, however often and in however many processes it is asked for."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.overview import Overview

DIGEST_FROM_PERCENT = 80
DIGEST_ACCOUNTS = 50
"""Named at the most; the mail says how many more there are."""

MONTHLY_NAMES = 20
"""Accounts, and models, that the monthly report names at the most."""


async def send_digest(
    overview: Overview, *, now: dt.datetime, time_zone: str, from_percent: int = DIGEST_FROM_PERCENT
) -> bool:
    """Tell administrators which users are near their limit, once for each local day.

    Args:
        overview: reads the accounts, and writes the event.
        now: the time it is.
        time_zone: of the administrators' days.
        from_percent: use in whole percent from which on an account is named.

    Returns:
        Whether there is something new to tell; a day on which nobody is near is not told of.
    """
    day = now.astimezone(ZoneInfo(time_zone)).date()
    key = f"digest:{day}"
    if await overview.known(key):
        return False
    accounts, found = await overview.near_limit(from_percent=from_percent, limit=DIGEST_ACCOUNTS)
    if not accounts:
        return False
    return await overview.emit(
        EventKind.REPORT_DIGEST,
        key,
        {
            "day": day.isoformat(),
            "from_percent": from_percent,
            "accounts": [
                {
                    "account": each.account_id,
                    "name": each.name,
                    "percent": each.percent,
                    "remaining": each.remaining,
                    "period_end": each.period_end.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
                }
                for each in accounts
            ],
            "more": found - len(accounts),
        },
    )


async def monthly_report(overview: Overview, *, now: dt.datetime, time_zone: str) -> bool:
    """Tell administrators what was used in the last calendar month, once for each month.

    Args:
        overview: reads the daily totals, and writes the event.
        now: the time it is.
        time_zone: of the administrators' days. Use counts for the month that it was in its account's own zone.

    Returns:
        Whether there is something new to tell; a month without use is not told of.
    """
    first_of_this = now.astimezone(ZoneInfo(time_zone)).date().replace(day=1)
    last = first_of_this - dt.timedelta(days=1)
    month = f"{last:%Y-%m}"
    key = f"monthly:{month}"
    if await overview.known(key):
        return False
    use = await overview.use_between(last.replace(day=1), last, limit=MONTHLY_NAMES)
    if not use.plans:
        return False

    def total(field: str) -> int:
        """Over all plans."""
        return sum(plan[field] for plan in use.plans)

    return await overview.emit(
        EventKind.REPORT_MONTHLY,
        key,
        {
            "month": month,
            "tokens": total("tokens"),
            "requests": total("requests"),
            "estimated_requests": total("estimated_requests"),
            "active_accounts": total("accounts"),
            "plans": use.plans,
            "users": use.users,
            "models": use.models,
        },
    )
