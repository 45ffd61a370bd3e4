"""Which scheduled reports are due, and that they are told of: each once for each period."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.report_schedules import ReportSchedule, ReportSchedules

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DueReport:
    """What a schedule wants reported now: some days, both ends included."""

    first_day: dt.date
    last_day: dt.date


def due_report(schedule: ReportSchedule, *, now: dt.datetime, time_zone: str, hour: int) -> DueReport | None:
    """What is due of a schedule; None where nothing is, or it was told of.

    Where several due days passed while nobody looked, the latest is due alone.

    Args:
        schedule: which one.
        now: the time it is.
        time_zone: of the administrators' days.
        hour: reports are due from this local hour on.
    """
    local = now.astimezone(ZoneInfo(time_zone))
    day = local.date() if local.hour >= hour else local.date() - dt.timedelta(days=1)
    due = schedule.rhythm.latest(day)
    if dt.datetime.combine(due, dt.time(hour), ZoneInfo(time_zone)) < schedule.created_at:
        return None
    first, last = schedule.rhythm.covered(due)
    if schedule.told_through is not None and schedule.told_through >= last:
        return None
    return DueReport(first, last)


async def tell_due_reports(schedules: ReportSchedules, *, now: dt.datetime, time_zone: str, hour: int) -> int:
    """Tell of all reports that are due, each once, in however many processes it is asked for. Returns how many.

    Args:
        schedules: reads them, and writes the events.
        now: the time it is.
        time_zone: of the administrators' days.
        hour: reports are due from this local hour on.
    """
    told = 0
    for schedule in await schedules.all():
        due = due_report(schedule, now=now, time_zone=time_zone, hour=hour)
        if due is not None and await schedules.tell(schedule.number, due.first_day, due.last_day):
            _LOG.info("report schedule %d is due: %s to %s", schedule.number, due.first_day, due.last_day)
            told += 1
    return told
