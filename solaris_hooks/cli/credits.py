"""``solaris credits``: grant."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.accounts import show_figures
from solaris_hooks.cli.invocation import AnAccount, Json, with_ledger
from solaris_hooks.cli.output import show_json
from solaris_hooks.ledger.records import Grant
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.answers import AccountAnswer
from solaris_hooks.web.bodies import CreditsBody

app = typer.Typer(help="Credits: tokens beyond the plan.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Credits: tokens beyond the plan."""


@app.command("grant")
def grant_credits(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: AnAccount,
    tokens: Annotated[int, typer.Argument(metavar="TOKENS", help="How many, 1 or more.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; it stays in the ledger.", show_default=False)],
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key grants once, however often it is used. Default: a new one.")
    ] = None,
    expires_at: Annotated[str | None, typer.Option(help="When they end, such as 2027-01-31T23:59:59Z.")] = None,
    origin: Annotated[str, typer.Option(help="grant, purchase, bonus or compensation.")] = "grant",
    as_json: Json = False,
) -> None:
    """Grant credits and show the account. Owed overage is taken from them first."""
    body = CreditsBody.model_validate(
        {
            "tokens": tokens,
            "reason": reason,
            "idempotency_key": idempotency_key if idempotency_key is not None else f"cli-{uuid4()}",
            "expires_at": expires_at,
            "origin": origin,
        }
    )
    grant = Grant(
        account_id=account_id(account),
        tokens=body.tokens,
        reason=body.reason,
        actor=runtime.actor(),
        idempotency_key=body.idempotency_key,
        origin=body.credit_origin,
        expires_at=body.expires_at,
    )
    answer = AccountAnswer.of(with_ledger(context, lambda ledger: ledger.grant_credits(grant)).account)
    if as_json:
        show_json(answer)
    else:
        show_figures(answer)
