"""Which scheduled reports are due, and that they are told of: each once for each period."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.report_schedules import ReportSchedule, ReportSchedules, ScheduledReport

_LOG = logging.getLogger(__name__)

MOST_MISSED = 12
"""Reports of one schedule that are made up for after an outage: three months of weeks, or a year of months."""


@dataclass(frozen=True, slots=True)
class DueReport:
    """What a schedule wants reported now: some days, both ends included."""

    first_day: dt.date
    last_day: dt.date


def due_reports(schedule: ReportSchedule, *, now: dt.datetime, time_zone: str, hour: int) -> Sequence[DueReport]:
    """What is due of a schedule and was not told of, oldest first: each missed due day has a report of its own.

    After a long outage the last :data:`MOST_MISSED`. A list of accounts is as it is when its mail is made, so that of
    several only the latest would say anything else: it is due alone.

    Args:
        schedule: which one.
        now: the time it is.
        time_zone: of the administrators' days.
        hour: reports are due from this local hour on.
    """
    local = now.astimezone(ZoneInfo(time_zone))
    day = local.date() if local.hour >= hour else local.date() - dt.timedelta(days=1)
    most = 1 if schedule.report is ScheduledReport.ACCOUNTS else MOST_MISSED
    found: list[DueReport] = []
    while len(found) < most:
        due = schedule.rhythm.latest(day)
        first, last = schedule.rhythm.covered(due)
        early = dt.datetime.combine(due, dt.time(hour), ZoneInfo(time_zone)) < schedule.created_at
        if early or (schedule.told_through is not None and schedule.told_through >= last):
            break
        found.append(DueReport(first, last))
        day = due - dt.timedelta(days=1)
    return found[::-1]


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
        # Oldest first: what is told of is remembered by the last day alone.
        for due in due_reports(schedule, now=now, time_zone=time_zone, hour=hour):
            if await schedules.tell(schedule.number, due.first_day, due.last_day):
                _LOG.info("report schedule %d is due: %s to %s", schedule.number, due.first_day, due.last_day)
                told += 1
    return told
