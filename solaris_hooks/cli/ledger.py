"""``solaris ledger ...`` and ``solaris migrate``: the books as a whole."""

from __future__ import annotations

import typer
from pydantic import BaseModel

from solaris_hooks.cli import checkpoints, runtime
from solaris_hooks.cli.checkpoints import AuditAnswer, CheckpointFiles, ComparedAnswer, PublicKeyFile, read_checkpoints
from solaris_hooks.cli.history import OneAccount
from solaris_hooks.cli.invocation import ExitCode, Json, existing_id, with_ledger
from solaris_hooks.cli.output import counted, show_json, show_line, show_table, shown
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Verification
from solaris_hooks.quota.ids import account_id

app = typer.Typer(help="The books as a whole.", no_args_is_help=True)


class MigrationAnswer(BaseModel):
    """What was applied, oldest first."""

    applied: list[str]


@app.callback()
def group() -> None:
    """The books as a whole."""


app.command("keygen")(checkpoints.keygen)
app.command("checkpoint")(checkpoints.checkpoint)


@app.command("verify")
def verify(
    context: typer.Context,
    account: OneAccount = None,
    checkpoint: CheckpointFiles = None,
    public_key: PublicKeyFile = None,
    as_json: Json = False,
) -> None:
    """Recompute every entry and balance; exit code 1 where something cannot be true.

    With signed checkpoints it is also told what they know and the books no longer say: entries
    that were changed, cut off or written anew, and accounts that are gone.
    """
    signed = read_checkpoints(runtime.settings(context.obj), checkpoint, public_key) if checkpoint else []

    async def work(ledger: Ledger) -> Verification:
        """Do it with the ledger."""
        if signed:
            # An account that is gone is for the checkpoint to tell.
            wanted = None if account is None else account_id(account)
            result = await runtime.verify_against(ledger, signed, wanted)
            if result.ok and not result.accounts:
                await existing_id(ledger, account)
            return result
        return await ledger.verify(await existing_id(ledger, account))

    answer = AuditAnswer.of(with_ledger(context, work))
    if as_json:
        show_json(answer)
    else:
        _show(answer)
    if not answer.ok:
        raise typer.Exit(ExitCode.FINDING)


def _show(answer: AuditAnswer) -> None:
    said = f"{counted(answer.accounts, 'account')} and {counted(answer.entries, 'entry', 'entries')}"
    if answer.ok:
        show_line(f"The books balance: {said} recomputed, and no entry was changed or removed.")
    else:
        show_table(
            ["account", "entry", "flaw"],
            [[each.account_id, each.entry, each.message] for each in answer.flaws],
            empty="",
        )
        flaws = counted(len(answer.flaws) + answer.more_flaws, "flaw")
        show_line(f"{flaws} in {said}: restore these accounts from a backup, or ask why.")
    for each in answer.checkpoints:
        _show_checkpoint(each)


def _show_checkpoint(compared: ComparedAnswer) -> None:
    named = f"Checkpoint {compared.number} of {shown(compared.taken_at)}"
    accounts = counted(compared.accounts, "account")
    if not compared.differing:
        show_line(f"{named}: its {accounts} {'has' if compared.accounts == 1 else 'have'} every entry of then.")
        return
    verb = "is not as it was" if compared.differing == 1 else "are not as they were"
    show_line(f"{named}: {compared.differing:,} of its {accounts} {verb}.")
    if not compared.known:
        show_line("The books do not list it: they were restored from an older backup, or the list was changed too.")


def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the schema up to date. The proxies do it, too, whenever they start."""
    applied = runtime.migrate(runtime.settings(context.obj))
    if as_json:
        show_json(MigrationAnswer(applied=applied))
    else:
        show_line(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")
