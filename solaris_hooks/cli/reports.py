"""``solaris reports``: tables to take away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from solaris_hooks.cli import report_schedules, runtime
from solaris_hooks.cli.invocation import AnAccount, existing
from solaris_hooks.exports.files import chunks_of
from solaris_hooks.exports.table import FileFormat, Table
from solaris_hooks.exports.tables import accounts_table, audit_table, entries_table, usage_table
from solaris_hooks.ledger.account_list import AccountFilter
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.web.overview_answers import DaysQuery
from solaris_hooks.web.routes.overview import days_of

app = typer.Typer(help="Reports and exports: CSV, XLSX or JSON.", no_args_is_help=True)
app.add_typer(report_schedules.app, name="schedule")

Format = Annotated[FileFormat, typer.Option("--format", help="What is written.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A file; stdout where none is named.")]
Bom = Annotated[bool, typer.Option("--bom", help="Begin CSV with a byte order mark, by which Excel knows UTF-8.")]


@app.command("usage")
def usage(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    by: Annotated[ReportGrouping, typer.Option(help="What there are rows for, beside periods.")] = ReportGrouping.USER,
    since: Annotated[str | None, typer.Option(help="First day. Default: the first of this month.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day. Default: today.")] = None,
    unit: Annotated[ReportUnit, typer.Option(help="Its periods; `whole` is one.")] = ReportUnit.WHOLE,
    file_format: Format = FileFormat.CSV,
    output: Output = None,
    bom: Bom = False,
) -> None:
    """Report use by user, model, plan or period."""
    given = {"since": since, "until": until}
    query = DaysQuery.model_validate({name: value for name, value in given.items() if value is not None})
    zone = runtime.settings(context.obj).default_time_zone
    first, last = days_of(query, zone)

    async def table(ledger: Ledger) -> Table:
        """The report."""
        return usage_table(
            runtime.usage_reports(ledger, runtime.settings(context.obj)), ReportQuery(by, first, last, unit)
        )

    _write(context, table, file_format, output, bom=bom)


@app.command("accounts")
def accounts(
    context: typer.Context,
    query: Annotated[str, typer.Option(help="Part of an id, e-mail or name.")] = "",
    file_format: Format = FileFormat.CSV,
    output: Output = None,
    bom: Bom = False,
) -> None:
    """Export accounts, as of now."""

    async def table(ledger: Ledger) -> Table:
        """The accounts."""
        return accounts_table(ledger, AccountFilter(query=query))

    _write(context, table, file_format, output, bom=bom)


@app.command("entries")
def entries(
    context: typer.Context,
    account: AnAccount,
    file_format: Format = FileFormat.CSV,
    output: Output = None,
    bom: Bom = False,
) -> None:
    """Export all entries of an account, newest first."""

    async def table(ledger: Ledger) -> Table:
        """Its entries."""
        return entries_table(ledger, (await existing(ledger, account)).balance.account_id)

    _write(context, table, file_format, output, bom=bom)


@app.command("audit")
def audit(
    context: typer.Context, file_format: Format = FileFormat.CSV, output: Output = None, bom: Bom = False
) -> None:
    """Export the audit trail, newest first."""

    async def table(ledger: Ledger) -> Table:
        """All changes."""
        return audit_table(ledger, AuditFilter())

    _write(context, table, file_format, output, bom=bom)


def _write(
    context: typer.Context,
    table_of: Callable[[Ledger], Awaitable[Table]],
    file_format: FileFormat,
    output: Path | None,
    *,
    bom: bool,
) -> None:
    """Write a table to a file or to stdout.

    Raises:
        SolarisError: it cannot be read, or the file cannot be written.
    """
    if output is None and file_format is FileFormat.XLSX and sys.stdout.isatty():
        raise InvalidRequestError("A spreadsheet is nothing for a terminal; name a file with --output.", param="output")
    using = runtime.settings(context.obj)

    async def working() -> None:
        """Open the ledger, then write."""
        async with runtime.open_ledger(using) as ledger:
            chunks = chunks_of(await table_of(ledger), file_format, bom=bom)
            first = await anext(chunks, b"")
            with _opened(output) as target:
                target.write(first)
                async for chunk in chunks:
                    target.write(chunk)

    asyncio.run(working())


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        target = output.open("wb")
    except OSError as exc:
        raise InvalidRequestError(f"{output} cannot be written: {exc.strerror}.", param="output") from exc
    with target:
        yield target
