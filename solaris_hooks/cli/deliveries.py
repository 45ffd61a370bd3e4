"""``solaris deliveries``: what was sent, what was not, and sending it again."""

from __future__ import annotations

import secrets
from base64 import b64encode
from typing import Annotated
from uuid import UUID

import typer

from solaris_hooks.alert_settings import SECRET_PREFIX
from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import AnAccount, Json, Limit, existing, with_ledger
from solaris_hooks.cli.output import show_fields, show_json, show_line, show_table
from solaris_hooks.ledger.delivery_records import DeliveryState
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.deliveries import DeliveriesAnswer, DeliveriesQuery, DeliveryAnswer, MailsBody, ResendBody

app = typer.Typer(help="Messages to users, administrators and programs.", no_args_is_help=True)

ADelivery = Annotated[UUID, typer.Argument(metavar="DELIVERY", help="Its id.", show_default=False)]
_SECRET_BYTES = 32


@app.command("list")
def list_deliveries(
    context: typer.Context,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    account: Annotated[str | None, typer.Option(help="Only about this account.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only over this channel: mail or webhook.")] = None,
    limit: Limit = 50,
    before: Annotated[str | None, typer.Option(help="Only those made before this one.")] = None,
    as_json: Json = False,
) -> None:
    """Show deliveries, newest first. `--state dead` shows what was given up."""
    wanted = DeliveriesQuery.model_validate(
        {"state": state, "account": account, "channel": channel, "before": before}
    ).wanted
    found = with_ledger(context, lambda ledger: ledger.deliveries.deliveries(wanted, limit=limit + 1))
    answer = DeliveriesAnswer.of(found, limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["delivery", "made", "state", "event", "account", "channel", "to", "attempts", "error"],
        [
            [
                str(each.id),
                each.created_at,
                each.state.value,
                each.kind,
                each.account_id,
                each.channel,
                each.target,
                each.attempts,
                each.last_error,
            ]
            for each in answer.data
        ],
        empty="There are no such deliveries.",
    )
    if answer.next_before:
        typer.echo(f"There are more: add --before {answer.next_before}", err=True)


@app.command("show")
def show_delivery(context: typer.Context, delivery: ADelivery, as_json: Json = False) -> None:
    """Show one delivery."""
    record = with_ledger(context, lambda ledger: ledger.deliveries.delivery(delivery))
    if record is None:
        raise NotFoundError(f"There is no delivery {delivery}; `solaris deliveries list` shows all.", param="delivery")
    _show(DeliveryAnswer.of(record), as_json=as_json)


@app.command("resend")
def resend_delivery(
    context: typer.Context,
    delivery: ADelivery,
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Send a delivery again, whether it was sent, given up or skipped."""
    body = ResendBody.model_validate({"reason": reason})
    record = with_ledger(
        context, lambda ledger: ledger.deliveries.resend(delivery, actor=runtime.actor(), reason=body.reason)
    )
    _show(DeliveryAnswer.of(record), as_json=as_json)


@app.command("mails")
def switch_mails(
    context: typer.Context,
    account: AnAccount,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether its user gets mails.", show_default=False)],
    reason: Annotated[str | None, typer.Option(help="Why; it stays in the audit trail.")] = None,
) -> None:
    """Switch the mails of an account's user on or off."""
    body = MailsBody.model_validate({"mails": on, "reason": reason})

    async def switch(ledger: Ledger) -> AccountId:
        """Do it with the ledger."""
        found = (await existing(ledger, account)).balance.account_id
        await ledger.deliveries.set_mails(found, mails=body.mails, actor=runtime.actor(), reason=body.reason)
        return found

    show_line(f"{with_ledger(context, switch)} gets {'mails' if on else 'no mails'}.")


@app.command("secret")
def make_secret() -> None:
    """Make a secret for a webhook; nothing keeps it but you."""
    show_line(SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def _show(answer: DeliveryAnswer, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    show_fields(
        [
            ("delivery", str(answer.id)),
            ("made", answer.created_at),
            ("state", answer.state.value),
            ("event", answer.kind),
            ("account", answer.account_id),
            ("channel", answer.channel),
            ("to", answer.target),
            ("attempts", answer.attempts),
            ("sent again", answer.resends),
            ("last attempt", answer.attempted_at),
            ("ended", answer.ended_at),
            ("error", answer.last_error),
            ("told by", str(answer.folded_into) if answer.folded_into else None),
        ]
    )
