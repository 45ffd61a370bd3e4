"""Reports that are mailed again and again: which, when, as what file and to whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.mail_settings import mailbox
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.errors import InvalidRequestError

MOST_SCHEDULES = 100
MOST_RECIPIENTS = 20

_WEEK = 7
LAST_DAY_OF_MONTH = 28
"""No month is without it."""


class ScheduledReport(StrEnum):
    """What is mailed."""

    USER = "user"
    """Use of the period by user."""
    TEAM = "team"
    """By team that shares an account."""
    MODEL = "model"
    PLAN = "plan"
    PERIOD = "period"
    """Use day by day."""
    ACCOUNTS = "accounts"
    """All accounts, as they are when the mail is made."""


class Every(StrEnum):
    """How often."""

    WEEK = "week"
    MONTH = "month"


class ScheduledFormat(StrEnum):
    """As what file."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The days on which a report is due.

    Attributes:
        every: week or month.
        on: the day of the week, 1 for Monday to 7 for Sunday (ISO 8601), or of the month, 1 to 28.
    """

    every: Every
    on: int

    def check(self) -> None:
        """Return if there is such a day in each week or month.

        Raises:
            InvalidRequestError: there is not.
        """
        last = _WEEK if self.every is Every.WEEK else LAST_DAY_OF_MONTH
        if not 1 <= self.on <= last:
            raise InvalidRequestError(f'"on" must be from 1 to {last} where it is every {self.every}.', param="on")

    def latest(self, day: dt.date) -> dt.date:
        """The last due day that is not after a day."""
        if self.every is Every.WEEK:
            return day - dt.timedelta(days=(day.isoweekday() - self.on) % _WEEK)
        this = day.replace(day=self.on)
        return this if this <= day else _month_before(day).replace(day=self.on)

    def following(self, day: dt.date) -> dt.date:
        """The first due day after a day."""
        if self.every is Every.WEEK:
            return self.latest(day) + dt.timedelta(days=_WEEK)
        this = day.replace(day=self.on)
        return this if this > day else (day.replace(day=1) + dt.timedelta(days=32)).replace(day=self.on)

    def covered(self, due: dt.date) -> tuple[dt.date, dt.date]:
        """The first and the last day of what is reported on a due day: the seven days before, or the month before."""
        if self.every is Every.WEEK:
            return due - dt.timedelta(days=_WEEK), due - dt.timedelta(days=1)
        return _month_before(due), due.replace(day=1) - dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule to be added.

    Attributes:
        recipients: e-mail addresses; none for the administrators of the settings, whoever they are then.
        locale: language of the mail.
        reason: why, for the audit trail.
        idempotency_key: the same key adds one schedule.
    """

    report: ScheduledReport
    rhythm: Rhythm
    format: ScheduledFormat
    recipients: Sequence[str]
    locale: str
    reason: str
    actor: str
    idempotency_key: str

    def check(self, administrators: Sequence[str]) -> None:
        """Return if it can be added.

        Args:
            administrators: the addresses of the settings, to whom it goes where it names no recipient.

        Raises:
            InvalidRequestError: a value cannot be, or nobody would get it.
        """
        self.rhythm.check()
        if self.locale not in LOCALES:
            raise InvalidRequestError(f'"locale" must be one of {", ".join(LOCALES)}.', param="locale")
        if len(self.recipients) > MOST_RECIPIENTS:
            raise InvalidRequestError(f"Name at most {MOST_RECIPIENTS} recipients.", param="recipients")
        for each in self.recipients:
            try:
                mailbox(each)
            except ValueError as exc:
                raise InvalidRequestError(f"{each!r} is no e-mail address.", param="recipients") from exc
        if not self.recipients and not administrators:
            raise InvalidRequestError(
                "Name recipients: the setting alerts.admin_addresses names no administrator.", param="recipients"
            )


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """A report that is mailed again and again.

    Attributes:
        recipients: e-mail addresses; none for the administrators of the settings.
        created_at: UTC; what was due before is not mailed.
        told_through: the last day of the latest report; None before the first.
    """

    number: int
    report: ScheduledReport
    rhythm: Rhythm
    format: ScheduledFormat
    recipients: Sequence[str]
    locale: str
    created_by: str
    created_at: dt.datetime
    told_through: dt.date | None


class ReportSchedules:
    """The schedules, on PostgreSQL: each call is one statement and one transaction; changes are audited."""

    def __init__(
        self,
        statements: Statements,
        clock: Callable[[], dt.datetime | None],
    ) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def all(self) -> Sequence[ReportSchedule]:
        """All schedules, in order of number."""
        return [_schedule(row) for row in await self._statements.all("report_schedules", {})]

    async def add(self, new: NewSchedule, *, administrators: Sequence[str] = ()) -> ReportSchedule:
        """Add a schedule, or find the one that this key added.

        Args:
            new: what to add.
            administrators: the addresses of the settings.

        Raises:
            InvalidRequestError: a value cannot be, nobody would get it, or there are too many.
            ConflictError: the key was used for another schedule.
        """
        new.check(administrators)
        row = await self._statements.one(
            "add_report_schedule",
            {
                "key": new.idempotency_key,
                "report": new.report.value,
                "every": new.rhythm.every.value,
                "on_day": new.rhythm.on,
                "format": new.format.value,
                "recipients": list(dict.fromkeys(new.recipients)),
                "locale": new.locale,
                "most": MOST_SCHEDULES,
                "reason": new.reason,
                "actor": new.actor,
                "now": self._clock(),
            },
        )
        return _schedule(row)

    async def remove(self, number: int, *, reason: str, actor: str) -> ReportSchedule:
        """Remove a schedule, and return what it was. What was told of is mailed all the same.

        Raises:
            NotFoundError: there is no such schedule.
        """
        row = await self._statements.one(
            "remove_report_schedule", {"number": number, "reason": reason, "actor": actor, "now": self._clock()}
        )
        return _schedule(row)

    async def tell(self, number: int, first_day: dt.date, last_day: dt.date) -> bool:
        """Let the event happen that a schedule's report on some days is due, once, whoever asks how often.

        Returns:
            Whether it happens now; False also where the schedule is gone.
        """
        row = await self._statements.one(
            "tell_scheduled_report",
            {"number": number, "first_day": first_day, "last_day": last_day, "now": self._clock()},
        )
        return bool(row["told"])


def _month_before(day: dt.date) -> dt.date:
    """The first day of the month before a day's."""
    return (day.replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def _schedule(row: Row) -> ReportSchedule:
    return ReportSchedule(
        number=row["number"],
        report=ScheduledReport(row["report"]),
        rhythm=Rhythm(Every(row["every"]), row["on_day"]),
        format=ScheduledFormat(row["format"]),
        recipients=tuple(row["recipients"]),
        locale=row["locale"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        told_through=row["told_through"],
    )
