"""The monthly period of an account: from one anchor day to the next, in the account's time zone."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span of time, both ends in UTC.

    Attributes:
        start: first instant that belongs to the period.
        end: first instant that no longer does; the allowance renews then.
    """

    start: dt.datetime
    end: dt.datetime

    def __contains__(self, instant: dt.datetime) -> bool:
        """Whether the instant lies in the period."""
        return self.start <= instant < self.end


def _anchor(year: int, month: int, anchor_day: int, zone: ZoneInfo) -> dt.datetime:
    """Local midnight of the anchor day, in UTC; the month's last day where the month is shorter.

    Where a change to daylight saving skips midnight, PEP 495's fold=0 reads the missing
    hour with the offset before the change, as PostgreSQL does: the day starts at 01:00.
    """
    day = min(anchor_day, calendar.monthrange(year, month)[1])
    return dt.datetime(year, month, day, tzinfo=zone).astimezone(dt.UTC)


def _next_month(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == _DECEMBER else (year, month + 1)


def _previous_month(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 1 else (year, month - 1)


def period_containing(instant: dt.datetime, *, time_zone: str, anchor_day: int) -> Period:
    """The period in which an instant lies.

    Args:
        instant: any aware time.
        time_zone: IANA name, e.g. ``America/Sao_Paulo``.
        anchor_day: day of the month of the renewal, 1 to 31; months without it renew on their last day.

    Returns:
        The period, in UTC.
    """
    zone = ZoneInfo(time_zone)
    local = instant.astimezone(zone)
    month = (local.year, local.month)
    if _anchor(*month, anchor_day, zone) > instant:
        month = _previous_month(*month)
    return Period(_anchor(*month, anchor_day, zone), _anchor(*_next_month(*month), anchor_day, zone))
