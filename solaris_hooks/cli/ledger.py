"""``solaris ledger verify`` and ``solaris migrate``: the books as a whole."""

from __future__ import annotations

import typer
from pydantic import BaseModel

from solaris_hooks.cli import runtime
from solaris_hooks.cli.history import OneAccount
from solaris_hooks.cli.invocation import ExitCode, Json, existing_id, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Verification
from solaris_hooks.web.answers import VerificationAnswer

app = typer.Typer(help="The books as a whole.", no_args_is_help=True)


class MigrationAnswer(BaseModel):
    """What was applied, oldest first."""

    applied: list[str]


@app.callback()
def group() -> None:
    """The books as a whole."""


@app.command("verify")
def verify(context: typer.Context, account: OneAccount = None, as_json: Json = False) -> None:
    """Recompute every entry and balance; exit code 1 where something cannot be true."""

    async def work(ledger: Ledger) -> Verification:
        """Do it with the ledger."""
        return await ledger.verify(await existing_id(ledger, account))

    answer = VerificationAnswer.of(with_ledger(context, work))
    if as_json:
        show_json(answer)
    else:
        accounts = "1 account" if answer.accounts == 1 else f"{answer.accounts:,} accounts"
        said = f"{accounts} and {answer.entries:,} {'entry' if answer.entries == 1 else 'entries'}"
        if answer.ok:
            show_line(f"The books balance: {said} recomputed, and no entry was changed or removed.")
        else:
            show_table(
                ["account", "entry", "flaw"],
                [[each.account_id, each.entry, each.message] for each in answer.flaws],
                empty="",
            )
            show_line(f"{len(answer.flaws):,} flaws in {said}: restore these accounts from a backup, or ask why.")
    if not answer.ok:
        raise typer.Exit(ExitCode.FINDING)


def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the schema up to date. The proxies do it, too, whenever they start."""
    applied = runtime.migrate(runtime.settings(context.obj))
    if as_json:
        show_json(MigrationAnswer(applied=applied))
    else:
        show_line(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")
