"""``solaris doctor``: look at the whole installation and say what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from pydantic import BaseModel

from solaris_hooks.cli import runtime
from solaris_hooks.cli.checks import config, database, packages
from solaris_hooks.cli.checks.finding import Finding, Level, fail, ok
from solaris_hooks.cli.invocation import ExitCode, Json
from solaris_hooks.cli.output import printable, show_json, show_line
from solaris_hooks.quota.errors import LedgerError, SettingsError

_MARKS = {Level.OK: "\x1b[32mok\x1b[0m  ", Level.WARN: "\x1b[33mwarn\x1b[0m", Level.FAIL: "\x1b[31mfail\x1b[0m"}


class FindingAnswer(BaseModel):
    """What one check found."""

    check: str
    level: Level
    message: str


class DoctorAnswer(BaseModel):
    """What all checks found; ``ok`` where there is nothing to do."""

    ok: bool
    findings: list[FindingAnswer]


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Look at the whole installation and say what to do; exit code 1 where there is something.

    Run it in the proxy's environment: `eval "$(make env)"`.
    """
    findings = list(examined(context.obj))
    healthy = all(each.level is Level.OK for each in findings)
    if as_json:
        told = [FindingAnswer.model_validate(each, from_attributes=True) for each in findings]
        show_json(DoctorAnswer(ok=healthy, findings=told))
    else:
        for each in findings:
            _show(each)
        show_line("Nothing to do." if healthy else "See the lines that are not ok.")
    if not healthy:
        raise typer.Exit(ExitCode.FINDING)


def examined(given: Path | None) -> Iterator[Finding]:
    """All findings, in the order in which things must be put right.

    Args:
        given: LiteLLM's config file, if one was named.
    """
    yield packages.python()
    yield from packages.packages()
    yield packages.prisma_client()
    yield packages.prisma_engine()
    yield from config.config_file(runtime.config_path(given))
    try:
        using = runtime.settings(given)
    except SettingsError as exc:
        yield fail("settings", " ".join(exc.message.split()))
        return
    yield ok("settings", "are valid")
    yield config.journal(using.journal_folder)
    try:
        found = database.facts(using.database_url)
    except LedgerError as exc:
        yield fail("database", exc.message)
        return
    yield ok("database", "can be reached")
    yield from database.database(found)
    yield database.plans_of_settings(found, using)


def _show(finding: Finding) -> None:
    if sys.stdout.isatty():
        # The message is made printable, the mark is ours.
        sys.stdout.write(f"{_MARKS[finding.level]}  {finding.check:<14}  {printable(finding.message)}\n")
    else:
        show_line(f"{finding.level:<4}  {finding.check:<14}  {finding.message}")
