"""The days on which reports are due, and what can be scheduled."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from solaris_hooks.alerts.scheduled_reports import MOST_MISSED, DueReport, due_reports
from solaris_hooks.ledger.report_schedules import (
    MOST_RECIPIENTS,
    Every,
    NewSchedule,
    ReportSchedule,
    Rhythm,
    ScheduledFormat,
    ScheduledReport,
)
from solaris_hooks.quota.errors import InvalidRequestError

MONDAYS, THIRDS = Rhythm(Every.WEEK, 1), Rhythm(Every.MONTH, 3)
NEW = NewSchedule(
    ScheduledReport.USER, MONDAYS, ScheduledFormat.CSV, ("a@example.org",), "en", "for the board", "user:root", "k"
)
SCHEDULE = ReportSchedule(
    number=1,
    report=ScheduledReport.USER,
    rhythm=MONDAYS,
    format=ScheduledFormat.CSV,
    recipients=(),
    locale="en",
    created_by="user:root",
    created_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
    told_through=None,
)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("rhythm", "today", "latest", "following"),
    [
        (MONDAYS, "2026-11-23", "2026-11-23", "2026-11-30"),
        (MONDAYS, "2026-11-29", "2026-11-23", "2026-11-30"),
        (Rhythm(Every.WEEK, 7), "2026-11-28", "2026-11-22", "2026-11-29"),
        (THIRDS, "2026-11-03", "2026-11-03", "2026-12-03"),
        (THIRDS, "2026-01-02", "2025-12-03", "2026-01-03"),
        (Rhythm(Every.MONTH, 28), "2026-03-01", "2026-02-28", "2026-03-28"),
        (Rhythm(Every.MONTH, 28), "2026-01-31", "2026-01-28", "2026-02-28"),
    ],
)
def test_due_days(rhythm: Rhythm, today: str, latest: str, following: str) -> None:
    assert rhythm.latest(day(today)) == day(latest)
    assert rhythm.following(day(today)) == day(following)


def test_a_week_is_the_seven_days_before_and_a_month_the_calendar_month_before() -> None:
    assert MONDAYS.covered(day("2026-11-23")) == (day("2026-11-16"), day("2026-11-22"))
    assert THIRDS.covered(day("2026-03-03")) == (day("2026-02-01"), day("2026-02-28"))
    assert THIRDS.covered(day("2026-01-03")) == (day("2025-12-01"), day("2025-12-31"))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23T10:59:00Z", DueReport(day("2026-11-09"), day("2026-11-15"))),  # 7:59 in São Paulo
        ("2026-11-23T11:00:00Z", DueReport(day("2026-11-16"), day("2026-11-22"))),
        ("2026-11-27T23:00:00Z", DueReport(day("2026-11-16"), day("2026-11-22"))),  # nobody looked since Monday
    ],
)
def test_a_report_is_due_from_its_hour_on_until_the_next_one(now: str, due: DueReport) -> None:
    at = dt.datetime.fromisoformat(now)
    before = replace(SCHEDULE, told_through=due.first_day - dt.timedelta(days=1))
    assert due_reports(before, now=at, time_zone="America/Sao_Paulo", hour=8) == [due]
    told = replace(SCHEDULE, told_through=due.last_day)
    assert due_reports(told, now=at, time_zone="America/Sao_Paulo", hour=8) == []


def test_each_report_that_was_missed_is_due_by_its_own_period_oldest_first() -> None:
    told = replace(SCHEDULE, told_through=day("2026-11-08"))
    at = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC)
    assert due_reports(told, now=at, time_zone="America/Sao_Paulo", hour=8) == [
        DueReport(day("2026-11-09"), day("2026-11-15")),
        DueReport(day("2026-11-16"), day("2026-11-22")),
        DueReport(day("2026-11-23"), day("2026-11-29")),
    ]
    monthly = replace(SCHEDULE, rhythm=THIRDS, created_at=dt.datetime(2026, 9, 3, tzinfo=dt.UTC))
    assert [each.first_day for each in due_reports(monthly, now=at, time_zone="America/Sao_Paulo", hour=8)] == [
        day("2026-08-01"),
        day("2026-09-01"),
        day("2026-10-01"),
    ]


def test_there_is_an_end_to_what_is_made_up_for() -> None:
    at = dt.datetime(2028, 1, 1, 12, tzinfo=dt.UTC)
    found = due_reports(SCHEDULE, now=at, time_zone="America/Sao_Paulo", hour=8)
    assert len(found) == MOST_MISSED
    assert found[-1].last_day == day("2027-12-26")


def test_of_lists_of_accounts_the_latest_is_due_alone() -> None:
    lists = replace(SCHEDULE, report=ScheduledReport.ACCOUNTS)
    at = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC)
    due = [DueReport(day("2026-11-23"), day("2026-11-29"))]
    assert due_reports(lists, now=at, time_zone="America/Sao_Paulo", hour=8) == due


def test_what_was_due_before_a_schedule_was_added_is_not_mailed() -> None:
    added = replace(SCHEDULE, created_at=dt.datetime(2026, 11, 23, 11, 0, 1, tzinfo=dt.UTC))
    monday = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    assert due_reports(added, now=monday, time_zone="America/Sao_Paulo", hour=8) == []
    later = monday + dt.timedelta(days=7)
    assert len(due_reports(added, now=later, time_zone="America/Sao_Paulo", hour=8)) == 1


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"rhythm": Rhythm(Every.WEEK, 8)}, "on"),
        ({"rhythm": Rhythm(Every.MONTH, 29)}, "on"),
        ({"locale": "fr"}, "locale"),
        ({"recipients": ("nobody",)}, "recipients"),
        ({"recipients": ("a@example.org\nBcc: b@example.org",)}, "recipients"),
        ({"recipients": ("",)}, "recipients"),
        ({"recipients": tuple(f"a{each}@example.org" for each in range(MOST_RECIPIENTS + 1))}, "recipients"),
    ],
)
def test_what_cannot_be_scheduled_is_told_by_name(wrong: dict[str, object], param: str) -> None:
    NEW.check(())
    with pytest.raises(InvalidRequestError) as error:
        replace(NEW, **wrong).check(())  # type: ignore[arg-type]
    assert error.value.param == param


def test_somebody_must_get_it() -> None:
    nobody = replace(NEW, recipients=())
    nobody.check(("admin@example.org",))
    with pytest.raises(InvalidRequestError, match="admin_addresses"):
        nobody.check(())
