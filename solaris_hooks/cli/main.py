"""The ``solaris`` command."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from solaris_hooks import __version__
from solaris_hooks.cli import (
    accounts,
    actions,
    audit,
    batches,
    compensate,
    credits,  # noqa: A004 - named as its command
    deliveries,
    doctor,
    history,
    journal,
    ledger,
    members,
    plans,
    reconcile,
    refusals,
    reports,
    requests,
    terms,
    undo,
    worker,
)
from solaris_hooks.cli.failures import told
from solaris_hooks.cli.invocation import ExitCode

app = typer.Typer(
    name="solaris",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
terms.add_to(accounts.app)
actions.add_to(accounts.app)
app.add_typer(accounts.app, name="accounts")
app.add_typer(credits.app, name="credits")
credits.app.command("compensate")(compensate.compensate)
app.add_typer(requests.app, name="requests")
app.add_typer(members.app, name="members")
app.add_typer(plans.app, name="plans")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(refusals.app, name="refusals")
app.add_typer(reports.app, name="reports")
app.add_typer(batches.app, name="batches")
app.add_typer(ledger.app, name="ledger")
app.add_typer(journal.app, name="journal")
app.command("entries")(history.entries)
app.command("audit")(audit.audit)
app.command("undo")(undo.undo)
app.command("holds")(history.holds)
app.command("sweep")(history.sweep)
app.command("reconcile")(reconcile.reconcile)
app.command("migrate")(ledger.migrate)
app.command("worker")(worker.worker)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"solaris-hooks {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="SOLARIS_CONFIG", help="LiteLLM's config file. Default: litellm_config.yaml here, if there is one."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Exact tokens per user for the LiteLLM proxy: accounts, credits, plans and the ledger.

    Reads the same settings as the proxy (section solaris_settings, SOLARIS_* and DATABASE_URL).

    Exit codes: 0 done, 1 something was found, 2 wrong use, 3 the books cannot be reached.
    """
    del version
    context.obj = config


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: as after ``solaris`` on a command line.

    Returns:
        The exit code; every failure has been told in one line on stderr.
    """
    # Libraries' warnings (psycopg's pool tells each attempt) would stand between people and that line.
    logging.basicConfig(handlers=[logging.NullHandler()])
    try:
        outcome = app(args=list(arguments), prog_name="solaris", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read has read enough (`| head`); typer makes a SystemExit of it.
        # Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.CLOSED_PIPE
    except typer.Exit as exit_:
        return exit_.exit_code
    except Exception as error:
        if os.environ.get("SOLARIS_TRACEBACK"):
            raise
        return told(error, as_json="--json" in arguments)
    return outcome if isinstance(outcome, int) else ExitCode.OK


def main() -> None:
    """Run the command line's command and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
