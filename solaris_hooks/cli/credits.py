"""``solaris credits``: grant, list and revoke."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.accounts import show_figures
from solaris_hooks.cli.invocation import AnAccount, Json, Limit, existing, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.credit_lots import Revocation
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import CreditLot, Grant
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.answers import AccountAnswer
from solaris_hooks.web.bodies import CreditsBody
from solaris_hooks.web.credit_answers import LotsAnswer, RevocationAnswer
from solaris_hooks.web.credit_bodies import RevocationBody

app = typer.Typer(help="Credits: tokens beyond the plan.", no_args_is_help=True)


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


@app.command("lots")
def list_lots(
    context: typer.Context,
    account: AnAccount,
    limit: Limit = 50,
    before: Annotated[UUID | None, typer.Option(help="Where the page before ended: its next_before.")] = None,
    as_json: Json = False,
) -> None:
    """List all credits of an account, used up or not, newest first."""

    async def read(ledger: Ledger) -> list[CreditLot]:
        """Read from the ledger."""
        found = (await existing(ledger, account)).balance.account_id
        return list(await ledger.lots.all(found, limit=limit + 1, before=before))

    answer = LotsAnswer.of(with_ledger(context, read), limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["lot", "tokens", "remaining", "origin", "granted", "expires", "by", "reason"],
        [
            [
                str(each.id),
                each.tokens,
                each.remaining,
                each.origin,
                each.created_at,
                each.expires_at,
                each.actor,
                each.reason,
            ]
            for each in answer.data
        ],
        empty="There are no credits.",
    )
    if answer.next_before:
        typer.echo(f"There are more: add --before {answer.next_before}", err=True)


@app.command("revoke")
def revoke_credits(
    context: typer.Context,
    account: AnAccount,
    lot: Annotated[UUID, typer.Argument(metavar="LOT", help="Its id; see `solaris credits lots`.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; it stays in the ledger.", show_default=False)],
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key takes back once, however often it is used. Default: a new one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take back what is unused of a lot, but nothing that requests in flight hold."""
    key = idempotency_key if idempotency_key is not None else f"cli-{uuid4()}"
    body = RevocationBody.model_validate({"reason": reason, "idempotency_key": key})
    revocation = Revocation(account_id(account), lot, body.reason, runtime.actor(), body.idempotency_key)
    result = with_ledger(context, lambda ledger: ledger.lots.revoke(revocation))
    if as_json:
        show_json(RevocationAnswer(account_id=revocation.account_id, lot_id=lot, revoked=result.tokens))
    else:
        show_line(f"Took back {result.tokens:,} tokens.")
