"""Reports that are mailed again and again: from the schedule to a mail whose file is opened."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO, StringIO
from itertools import count
from zipfile import ZipFile

import psycopg
import pytest

from solaris_hooks.alerts.assembly import build_worker
from solaris_hooks.alerts.chores import PeriodicChore, report_as_scheduled
from solaris_hooks.alerts.mail import attachments
from solaris_hooks.alerts.mail.attachments import ReportFiles
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.report_schedules import (
    MOST_SCHEDULES,
    Every,
    NewSchedule,
    Rhythm,
    ScheduledFormat,
    ScheduledReport,
)
from solaris_hooks.quota.costs import NO_COSTS
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.settings import Settings
from tests.integration.mail.server import Mailboxes, smtp_server

from .conftest import ADMIN, Alerts

ZONE = "America/Sao_Paulo"
ADDED = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
_keys = count()


def new(**more: object) -> NewSchedule:
    given: dict[str, object] = {
        "report": ScheduledReport.USER,
        "rhythm": Rhythm(Every.WEEK, 1),
        "format": ScheduledFormat.CSV,
        "recipients": ("cfo@example.org",),
        "locale": "en",
        "reason": "for the board",
        "actor": "user:root",
        "idempotency_key": f"key-{next(_keys)}",
    }
    return NewSchedule(**{**given, **more})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_schedules(emptied: str) -> None:
    with psycopg.connect(emptied) as connection:
        connection.execute("DELETE FROM solaris.report_schedules")


@pytest.fixture
def clock(alerts: Alerts) -> Callable[[dt.datetime], None]:
    """Sets the books' clock."""

    def set_to(at: dt.datetime) -> None:
        alerts.ledger._now = lambda: at

    set_to(ADDED)
    return set_to


def chore(ledger: PostgresLedger, at: dt.datetime = MONDAY) -> PeriodicChore:
    return report_as_scheduled(ledger.report_schedules, time_zone=ZONE, hour=8, clock=lambda: at)


async def mailed(alerts: Alerts, *, most_bytes: int | None = None) -> list[EmailMessage]:
    """What arrives when a worker of the proxy does what waits."""
    boxes = Mailboxes()
    with smtp_server(boxes) as port, pytest.MonkeyPatch.context() as patch:
        settings = Settings.model_validate(
            {
                "database_url": alerts.url,
                "litellm_database_url": "",
                "public_url": "https://ia.example.org",
                "alerts": {"admin_addresses": [ADMIN]},
                "mail": {"host": "127.0.0.1", "port": port, "security": "none", "from_address": "solaris@example.org"},
            }
        )
        worker = build_worker(settings, alerts.ledger)
        if most_bytes is not None:
            channel = worker._sender._channels["mail"]  # type: ignore[index]
            files = ReportFiles(alerts.ledger, alerts.ledger.usage_reports(NO_COSTS), most_bytes=most_bytes)
            patch.setattr(channel, "_reports", files)
        worker.chores = ()  # what is due by the clock is not asked for here
        await worker.work_off()
    return boxes.taken


def file_of(message: EmailMessage) -> EmailMessage:
    (attached,) = message.iter_attachments()
    assert isinstance(attached, EmailMessage)
    return attached


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def scheduled_events(ledger: PostgresLedger) -> list[dict[str, object]]:
    return [dict(each.details) for each in await ledger.events() if each.kind is EventKind.REPORT_SCHEDULED]


@pytest.mark.usefixtures("clock")
async def test_a_schedule_is_added_once_listed_and_removed_with_who_and_why(alerts: Alerts) -> None:
    schedules = alerts.ledger.report_schedules
    wanted = new(recipients=("a@example.org", "b@example.org", "a@example.org"))
    added = await schedules.add(wanted)
    assert await schedules.add(wanted) == added
    assert list(await schedules.all()) == [added]
    assert (added.recipients, added.created_at, added.told_through) == (("a@example.org", "b@example.org"), ADDED, None)
    with pytest.raises(ConflictError):
        await schedules.add(new(idempotency_key=wanted.idempotency_key, format=ScheduledFormat.XLSX))
    assert await schedules.remove(added.number, reason="no longer", actor="user:other") == added
    assert list(await schedules.all()) == []
    with pytest.raises(NotFoundError):
        await schedules.remove(added.number, reason="no longer", actor="user:other")
    removed, first, *_ = await alerts.ledger.trail.records(AuditFilter(), limit=5)
    fields = {
        "report": "user",
        "every": "week",
        "on": 1,
        "format": "csv",
        "recipients": ["a@example.org", "b@example.org"],
        "locale": "en",
    }
    assert (first.action, first.actor, first.before, first.after, first.reason) == (
        "report_schedule.add",
        "user:root",
        None,
        fields,
        "for the board",
    )
    assert (removed.action, removed.actor, removed.before, removed.after, removed.reason) == (
        "report_schedule.remove",
        "user:other",
        fields,
        None,
        "no longer",
    )
    assert first.subject == removed.subject == str(added.number)


@pytest.mark.usefixtures("clock")
async def test_there_is_an_end_to_schedules(alerts: Alerts) -> None:
    for _ in range(MOST_SCHEDULES):
        await alerts.ledger.report_schedules.add(new())
    with pytest.raises(InvalidRequestError, match="remove one first"):
        await alerts.ledger.report_schedules.add(new())


async def test_the_report_of_the_week_arrives_with_its_file(
    alerts: Alerts, clock: Callable[[dt.datetime], None]
) -> None:
    await alerts.account(name="=HYPERLINK(1)")
    await alerts.ledger.report_schedules.add(new(recipients=("cfo@example.org", "cto@example.org")))
    await alerts.use(300)
    clock(MONDAY)
    await alerts.use(77)  # of the next week
    await chore(alerts.ledger).work()
    messages = [each for each in await mailed(alerts) if "Use by user" in str(each["Subject"])]
    assert sorted(each["To"].addresses[0].addr_spec for each in messages) == ["cfo@example.org", "cto@example.org"]
    assert str(messages[0]["Subject"]) == "Use by user, November 16, 2026 to November 22, 2026"
    assert "attached to this mail" in text(messages[0])
    assert "https://ia.example.org/solaris/admin/reports?by=user&since=2026-11-16&until=2026-11-22" in text(messages[0])
    attached = file_of(messages[0])
    assert attached.get_filename() == "solaris-usage-by-user-2026-11-16-2026-11-22.csv"
    assert attached.get_content_type() == "text/csv"
    content = attached.get_content()
    read = content if isinstance(content, str) else content.decode("utf-8")
    (row,) = csv.DictReader(StringIO(read.lstrip("\ufeff")))
    assert (row["account_id"], row["name"], row["tokens"]) == ("user:ana", "'=HYPERLINK(1)", "300")


async def test_a_spreadsheet_can_be_opened_and_administrators_get_what_names_nobody(
    alerts: Alerts, clock: Callable[[dt.datetime], None]
) -> None:
    everyone = new(report=ScheduledReport.ACCOUNTS, format=ScheduledFormat.XLSX, recipients=(), locale="pt_BR")
    await alerts.ledger.report_schedules.add(everyone, administrators=(ADMIN,))
    clock(MONDAY)
    await chore(alerts.ledger).work()
    (message,) = (each for each in await mailed(alerts) if "Contas" in str(each["Subject"]))
    assert message["To"].addresses[0].addr_spec == ADMIN
    attached = file_of(message)
    assert attached.get_filename() == "solaris-accounts.xlsx"
    with ZipFile(BytesIO(attached.get_content())) as book:
        assert "user:ana" in "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))


async def test_a_report_that_is_too_large_says_where_it_is(
    alerts: Alerts, clock: Callable[[dt.datetime], None]
) -> None:
    assert attachments.MOST_BYTES == 10 * 1024 * 1024
    await alerts.ledger.report_schedules.add(new())
    await alerts.use(300)
    clock(MONDAY)
    await chore(alerts.ledger).work()
    (message,) = (each for each in await mailed(alerts, most_bytes=40) if "Use by user" in str(each["Subject"]))
    assert list(message.iter_attachments()) == []
    assert "too large for a mail" in text(message)
    assert "https://ia.example.org/solaris/admin/reports?by=user" in text(message)


async def test_reports_that_waited_together_are_one_mail_with_all_files(
    alerts: Alerts, clock: Callable[[dt.datetime], None]
) -> None:
    for report in (*ScheduledReport, ScheduledReport.USER):
        await alerts.ledger.report_schedules.add(new(report=report))
    await alerts.use(300)
    clock(MONDAY)
    await chore(alerts.ledger).work()
    messages = [each for each in await mailed(alerts) if each["To"].addresses[0].addr_spec == "cfo@example.org"]
    assert len(messages) == 1
    assert len(list(messages[0].iter_attachments())) == len(ScheduledReport) + 1


async def test_it_is_due_once_whoever_looks_and_how_often(alerts: Alerts, clock: Callable[[dt.datetime], None]) -> None:
    added = await alerts.ledger.report_schedules.add(new())
    clock(MONDAY)
    await chore(alerts.ledger, MONDAY - dt.timedelta(hours=2)).work()  # 7:00 in São Paulo
    assert await scheduled_events(alerts.ledger) == []
    async with PostgresLedger.connect(alerts.url, now=lambda: MONDAY) as other:
        for _ in range(3):
            await asyncio.gather(*(chore(each).work() for each in (alerts.ledger, other) * 4))
    (told,) = await scheduled_events(alerts.ledger)
    assert (told["schedule"], told["first_day"], told["last_day"]) == (added.number, "2026-11-16", "2026-11-22")
    await chore(alerts.ledger, MONDAY + dt.timedelta(days=7)).work()
    assert len(await scheduled_events(alerts.ledger)) == 2


async def test_each_report_that_was_missed_in_an_outage_is_mailed_once_by_its_own_days(
    alerts: Alerts, clock: Callable[[dt.datetime], None]
) -> None:
    await alerts.ledger.report_schedules.add(new())
    clock(MONDAY)
    await alerts.use(300)
    await chore(alerts.ledger).work()
    after = MONDAY + dt.timedelta(weeks=3)
    clock(after)
    async with PostgresLedger.connect(alerts.url, now=lambda: after) as other:
        for _ in range(2):
            await asyncio.gather(*(chore(each, after).work() for each in (alerts.ledger, other) * 4))
    weeks = [(str(each["first_day"]), str(each["last_day"])) for each in await scheduled_events(alerts.ledger)]
    assert sorted(weeks) == [
        ("2026-11-16", "2026-11-22"),
        ("2026-11-23", "2026-11-29"),
        ("2026-11-30", "2026-12-06"),
        ("2026-12-07", "2026-12-13"),
    ]
    messages = [each for each in await mailed(alerts) if each["To"].addresses[0].addr_spec == "cfo@example.org"]
    names = [file.get_filename() for each in messages for file in each.iter_attachments()]
    assert sorted(map(str, names)) == [f"solaris-usage-by-user-{first}-{last}.csv" for first, last in sorted(weeks)]


async def test_two_workers_mail_it_once(alerts: Alerts, clock: Callable[[dt.datetime], None]) -> None:
    await alerts.ledger.report_schedules.add(new())
    clock(MONDAY)
    async with PostgresLedger.connect(alerts.url, now=lambda: MONDAY) as other:
        two = [alerts.worker(chores=(chore(each),)) for each in (alerts.ledger, other)]
        await asyncio.gather(*(chore(each).work() for each in (alerts.ledger, other)))
        await asyncio.gather(*(each.work_off() for each in two))
    assert alerts.mail.said.count(("cfo@example.org", "report.scheduled")) == 1


async def test_what_was_due_is_mailed_although_a_process_died_over_it_or_the_schedule_went(
    alerts: Alerts, clock: Callable[[dt.datetime], None]
) -> None:
    added = await alerts.ledger.report_schedules.add(new())
    clock(MONDAY)
    await chore(alerts.ledger).work()  # and then the process dies: nobody dispatched
    await alerts.ledger.report_schedules.remove(added.number, reason="no longer", actor="user:root")
    await chore(alerts.ledger, MONDAY + dt.timedelta(days=7)).work()
    await alerts.work_off()
    assert alerts.mail.said.count(("cfo@example.org", "report.scheduled")) == 1
