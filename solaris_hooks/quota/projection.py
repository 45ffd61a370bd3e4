"""When what remains will be used up, if use goes on as it did.

The rule: the pace is the mean of the last seven local days, today among them, or of as many as
the account has been used for. Seven days hold each day of the week once, so that a quiet weekend
neither hides a busy week nor looks like one. Today counts as a whole day although it is not over,
which makes the pace a little too slow rather than swinging with the hour of the day. From
tomorrow on each day uses that pace; the day on which it reaches what remains is the answer,
unless the period is renewed on that day or before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_DAYS = 7


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an account uses tokens: ``tokens`` booked in ``days`` local days."""

    tokens: int
    days: int

    def days_for(self, remaining: int) -> int | None:
        """Whole days after which ``remaining`` tokens are used up; None where nothing is used."""
        if remaining <= 0:
            return 0
        if self.tokens <= 0:
            return None
        return -(-remaining * self.days // self.tokens)


def pace(daily: Mapping[dt.date, int], today: dt.date) -> Pace:
    """The pace of the last days.

    Args:
        daily: booked tokens by local day, of :data:`WINDOW_DAYS` days at the least; days without use may be missing.
        today: the local day it is; later days are left out.
    """
    first = today - dt.timedelta(days=WINDOW_DAYS - 1)
    used = {day: tokens for day, tokens in daily.items() if day <= today and tokens > 0}
    since = max(first, min(used, default=today))
    return Pace(sum(tokens for day, tokens in used.items() if day >= since), (today - since).days + 1)


def exhaustion_day(
    remaining: int, daily: Mapping[dt.date, int], *, today: dt.date, renews_on: dt.date
) -> dt.date | None:
    """The local day on which what remains will be used up.

    Args:
        remaining: booked tokens left, of allowance and credits.
        daily: as of :func:`pace`; days before the window tell that the account is older than it.
        today: the local day it is.
        renews_on: the local day on which the next period begins.

    Returns:
        The day, today where nothing is left; None where it lasts until the renewal.
    """
    days = pace(daily, today).days_for(remaining)
    if days is None or days > (renews_on - today).days:
        return None
    day = today + dt.timedelta(days=days)
    return day if day < renews_on else None


def month_end(used: int, daily: Mapping[dt.date, int], *, today: dt.date) -> int:
    """Booked tokens of the whole calendar month, if use goes on as it did.

    Args:
        used: of this month so far.
        daily: as of :func:`pace`.
        today: the local day it is.
    """
    last = (today.replace(day=1) + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    now = pace(daily, today)
    return used + now.tokens * (last - today).days // now.days
