"""Reports that are mailed again and again, as callers send and read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StrictInt

from solaris_hooks.ledger.report_schedules import (
    MOST_RECIPIENTS,
    Every,
    NewSchedule,
    ReportSchedule,
    Rhythm,
    ScheduledFormat,
    ScheduledReport,
)
from solaris_hooks.web.answers import Answer
from solaris_hooks.web.bodies import Locale, _Body
from solaris_hooks.web.fields import Instant, ShortText, SomeText


class ReportScheduleBody(_Body):
    """A report to mail again and again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "report": "user",
                    "every": "month",
                    "on": 1,
                    "format": "xlsx",
                    "recipients": ["finance@example.org"],
                    "locale": "en",
                    "reason": "Monthly costs",
                    "idempotency_key": "finance-2027",
                }
            ]
        }
    )

    report: ScheduledReport = Field(
        description="Use by `user`, `model`, `plan`, or by `period` (day by day); or all `accounts`."
    )
    every: Every = Field(description="`week` covers the seven days before, `month` the month before.")
    on: StrictInt = Field(description="Day of the week, 1 (Monday) to 7, or of the month, 1 to 28.", ge=1, le=28)
    format: ScheduledFormat = Field(ScheduledFormat.XLSX, description="`xlsx` or `csv`.")
    recipients: Annotated[list[ShortText], Field(max_length=MOST_RECIPIENTS)] = Field(
        [], description="E-mail addresses; none: those of `alerts.admin_addresses`, whoever they are then."
    )
    locale: Locale | None = Field(None, description="Language of the mail; left out: `alerts.admin_locale`.")
    reason: SomeText = Field(description="Why; it stays in the audit trail.")
    idempotency_key: ShortText = Field(description="The same key adds one schedule, however often it is sent.")

    def schedule(self, actor: str, *, locale: str) -> NewSchedule:
        """The same for the ledger.

        Args:
            actor: who adds it.
            locale: where the body says none.
        """
        return NewSchedule(
            report=self.report,
            rhythm=Rhythm(self.every, self.on),
            format=self.format,
            recipients=self.recipients,
            locale=self.locale or locale,
            reason=self.reason,
            actor=actor,
            idempotency_key=self.idempotency_key,
        )


class RemovalQuery(_Body):
    """Why a schedule is removed."""

    reason: SomeText = Field(description="Why; it stays in the audit trail.")


class ReportScheduleAnswer(Answer):
    """A report that is mailed again and again."""

    number: int
    report: ScheduledReport
    every: Every
    on: int
    format: ScheduledFormat
    recipients: list[str] = Field(description="None: those of `alerts.admin_addresses`.")
    locale: str
    created_by: str
    created_at: Instant
    told_through: dt.date | None = Field(description="Last day of the latest report; null before the first.")

    @classmethod
    def of(cls, schedule: ReportSchedule) -> Self:
        """A schedule."""
        return cls(
            number=schedule.number,
            report=schedule.report,
            every=schedule.rhythm.every,
            on=schedule.rhythm.on,
            format=schedule.format,
            recipients=list(schedule.recipients),
            locale=schedule.locale,
            created_by=schedule.created_by,
            created_at=schedule.created_at,
            told_through=schedule.told_through,
        )


class ReportSchedulesAnswer(Answer):
    """All schedules, in order of number."""

    data: list[ReportScheduleAnswer]

    @classmethod
    def of(cls, schedules: Sequence[ReportSchedule]) -> Self:
        """Schedules."""
        return cls(data=[ReportScheduleAnswer.of(each) for each in schedules])
