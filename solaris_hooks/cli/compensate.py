"""``solaris credits compensate``: credits for everybody whom an outage hit."""

from __future__ import annotations

from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.compensation import Affected, Compensated
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.web.credit_answers import CompensationAnswer
from solaris_hooks.web.credit_bodies import CompensationBody


def compensate(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    campaign: Annotated[
        str,
        typer.Argument(metavar="CAMPAIGN", help="Its name: the same one grants each account once.", show_default=False),
    ],
    since: Annotated[str, typer.Option(help="When it began, such as 2027-01-31T12:00:00Z.", show_default=False)],
    until: Annotated[str, typer.Option(help="When it was over.", show_default=False)],
    reason: Annotated[str, typer.Option(help="The users read it; it stays in the ledger.", show_default=False)],
    tokens: Annotated[int | None, typer.Option(help="What each account gets.")] = None,
    percent_of_use: Annotated[
        int | None, typer.Option(help="Or whole percent of what it was charged within that time.")
    ] = None,
    affected: Annotated[
        str, typer.Option(help="failed: accounts of which a request failed; any: all that had one.")
    ] = "failed",
    expires_at: Annotated[str | None, typer.Option(help="When the credits end, such as 2027-03-31T23:59:59Z.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List who would get what, and grant nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Grant credits to all accounts that had requests within some time, once for each campaign."""
    given = {
        "campaign": campaign,
        "since": since,
        "until": until,
        "reason": reason,
        "tokens": tokens,
        "percent_of_use": percent_of_use,
        "affected": affected,
        "expires_at": expires_at,
        "dry_run": dry_run,
    }
    body = CompensationBody.model_validate({name: value for name, value in given.items() if value is not None})
    whole = body.whole

    async def work(ledger: Ledger) -> tuple[list[Affected], Compensated | None]:
        """Do it with the ledger."""
        compensation = runtime.compensation(ledger)
        everybody = list(await compensation.affected(whole))
        granted = None if dry_run else await compensation.grant(whole, everybody, actor=runtime.actor())
        return everybody, granted

    everybody, granted = with_ledger(context, work)
    answer = CompensationAnswer.of(campaign, everybody, granted, shown=len(everybody))
    if as_json:
        show_json(answer)
        return
    if granted is not None:
        show_line(f"Granted {granted.tokens:,} tokens to {granted.accounts:,} of {answer.accounts:,} accounts.")
        return
    show_table(
        ["account", "requests", "failed", "charged", "gets"],
        [[each.account_id, each.requests, each.failed, each.charge, each.tokens] for each in answer.data],
        empty="No account had such requests.",
    )
    show_line(f"{answer.accounts:,} accounts would get {answer.tokens:,} tokens; nothing was granted.")
