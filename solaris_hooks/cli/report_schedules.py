"""``solaris reports schedule``: reports that are mailed again and again."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.report_schedules import Every, ScheduledFormat, ScheduledReport
from solaris_hooks.web.report_schedules import (
    RemovalQuery,
    ReportScheduleAnswer,
    ReportScheduleBody,
    ReportSchedulesAnswer,
)

app = typer.Typer(help="Reports that are mailed again and again.", no_args_is_help=True)

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@app.command("add")
def add_schedule(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    report: Annotated[ScheduledReport, typer.Argument(metavar="REPORT", help=", ".join(ScheduledReport))],
    every: Annotated[Every, typer.Option(help="week: the seven days before; month: the month before.")],
    on: Annotated[int, typer.Option(help="Day of the week, 1 (Monday) to 7, or of the month, 1 to 28.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)],
    file_format: Annotated[ScheduledFormat, typer.Option("--format", help="What is attached.")] = ScheduledFormat.XLSX,
    to: Annotated[list[str] | None, typer.Option(help="An address; may be repeated. Default: administrators'.")] = None,
    locale: Annotated[str | None, typer.Option(help="pt_BR or en. Default: alerts.admin_locale.")] = None,
    key: Annotated[str | None, typer.Option(help="The same key adds one schedule.")] = None,
    as_json: Json = False,
) -> None:
    """Mail a report every week or month, from its next day on."""
    given = {"locale": locale} if locale is not None else {}
    body = ReportScheduleBody.model_validate(
        {
            "report": report.value,
            "every": every.value,
            "on": on,
            "format": file_format.value,
            "recipients": to or [],
            "reason": reason,
            "idempotency_key": key or str(uuid4()),
            **given,
        }
    )
    alerts = runtime.settings(context.obj).alerts
    new = body.schedule(runtime.actor(), locale=alerts.admin_locale)
    added = with_ledger(
        context,
        lambda ledger: runtime.administration(ledger).report_schedules.add(new, administrators=alerts.admin_addresses),
    )
    answer = ReportScheduleAnswer.of(added)
    if as_json:
        show_json(answer)
    else:
        show_line(f"Schedule {answer.number}: {answer.report} as {answer.format}, {_when(answer)}, to {_whom(answer)}.")


@app.command("list")
def list_schedules(context: typer.Context, as_json: Json = False) -> None:
    """List scheduled reports."""
    answer = ReportSchedulesAnswer.of(
        with_ledger(context, lambda ledger: runtime.administration(ledger).report_schedules.all())
    )
    if as_json:
        show_json(answer)
        return
    show_table(
        ["schedule", "report", "format", "when", "to", "language", "by", "sent up to"],
        [
            [
                str(each.number),
                each.report.value,
                each.format.value,
                _when(each),
                _whom(each),
                each.locale,
                each.created_by,
                each.told_through,
            ]
            for each in answer.data
        ],
        empty="No report is scheduled.",
    )


@app.command("remove")
def remove_schedule(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of the schedule.", min=1)],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Mail a report no longer."""
    why = RemovalQuery(reason=reason)
    removed = with_ledger(
        context,
        lambda ledger: runtime.administration(ledger).report_schedules.remove(
            number, reason=why.reason, actor=runtime.actor()
        ),
    )
    if as_json:
        show_json(ReportScheduleAnswer.of(removed))
    else:
        show_line(f"Schedule {number} is removed.")


def _when(answer: ReportScheduleAnswer) -> str:
    if answer.every is Every.WEEK:
        return f"every {_WEEKDAYS[answer.on - 1]}"
    return f"day {answer.on} of every month"


def _whom(answer: ReportScheduleAnswer) -> str:
    return ", ".join(answer.recipients) or "administrators"
