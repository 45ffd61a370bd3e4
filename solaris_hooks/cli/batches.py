"""``solaris batches``: the same done to many accounts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, Limit, with_ledger
from solaris_hooks.cli.output import show_fields, show_json, show_table
from solaris_hooks.ledger.batches import ActionKind, Batch, BatchItem
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.web.administration_answers import BatchAnswer, BatchesAnswer, BatchItemsAnswer, PreviewAnswer
from solaris_hooks.web.administration_bodies import BatchBody, BatchItemsQuery

app = typer.Typer(help="The same done to many accounts.", no_args_is_help=True)


@app.command("run")
def run_batch(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name: used again, it does what is left.")],
    action: Annotated[ActionKind, typer.Argument(metavar="ACTION", help=", ".join(ActionKind))],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)],
    plan: Annotated[str | None, typer.Option(help="plan: which one.")] = None,
    tokens: Annotated[int | None, typer.Option(help="credits: what each account gets.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="credits: when they end.")] = None,
    text: Annotated[str | None, typer.Option(help="message: what it says.")] = None,
    chat: Annotated[bool | None, typer.Option(help="message: in the chat.")] = None,
    mail: Annotated[bool | None, typer.Option(help="message: by e-mail.")] = None,
    status_reason: Annotated[str | None, typer.Option(help="suspend: what the users read.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="An account; may be repeated.")] = None,
    on_plan: Annotated[str | None, typer.Option(help="Or all on this plan,")] = None,
    status: Annotated[str | None, typer.Option(help="with this status,")] = None,
    query: Annotated[str | None, typer.Option(help="and with this in their id, e-mail or name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell how many it would change.")] = False,
    as_json: Json = False,
) -> None:
    """Do the same to many accounts, each in a transaction of its own."""
    given = {
        "plan": plan,
        "tokens": tokens,
        "expires_at": expires_at,
        "text": text,
        "chat": chat,
        "mail": mail,
        "status_reason": status_reason,
    }
    what = {"kind": action.value} | {name: value for name, value in given.items() if value is not None}
    wanted = {"plan": on_plan, "status": status, "query": query}
    found = {name: value for name, value in wanted.items() if value is not None}
    whom = ({"accounts": account} if account else {}) | ({"filter": found} if found else {})
    body = BatchBody.model_validate({"idempotency_key": key, "action": what, "reason": reason, **whom})
    order = body.order(runtime.actor())
    if dry_run:
        preview = with_ledger(context, lambda ledger: runtime.administration(ledger).batches.preview(order))
        answer = PreviewAnswer.of(preview)
        if as_json:
            show_json(answer)
            return
        show_fields([(name, ", ".join(value) if isinstance(value, list) else value) for name, value in answer])
        return

    async def work(ledger: Ledger) -> Batch:
        """Do it with the ledger, to the end."""
        batches = runtime.administration(ledger).batches
        batch = await batches.run(order)
        while not batch.complete:
            batch = await batches.run(order)
        return batch

    _show(BatchAnswer.of(with_ledger(context, work)), as_json=as_json)


@app.command("list")
def list_batches(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List batches, newest first."""
    found = with_ledger(context, lambda ledger: runtime.administration(ledger).batches.all(limit=limit + 1))
    answer = BatchesAnswer.of(found, limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["batch", "key", "at", "by", "action", "outcomes"],
        [
            [str(each.id), each.idempotency_key, each.at, each.actor, each.action["kind"], _counted(each)]
            for each in answer.data
        ],
        empty="There are no batches.",
    )


@app.command("items")
def list_items(
    context: typer.Context,
    batch: Annotated[UUID, typer.Argument(metavar="BATCH", help="Id of the batch.")],
    outcome: Annotated[str | None, typer.Option(help="Only done, unchanged, limited, failed, ... ones.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Show what a batch did to each account."""
    wanted = BatchItemsQuery.model_validate({"outcome": outcome}).outcome

    async def work(ledger: Ledger) -> list[BatchItem]:
        """Read the ledger."""
        batches = runtime.administration(ledger).batches
        known = await batches.get(batch)
        return list(await batches.items(known.batch_id, outcome=wanted, limit=limit + 1))

    answer = BatchItemsAnswer.of(with_ledger(context, work), limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["account", "outcome", "at", "why"],
        [[each.account_id, each.outcome, each.at, each.message] for each in answer.data],
        empty="There are no such accounts.",
    )


def _show(answer: BatchAnswer, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    show_fields([("batch", str(answer.id)), ("key", answer.idempotency_key), ("outcomes", _counted(answer))])


def _counted(answer: BatchAnswer) -> str:
    return ", ".join(f"{outcome} {accounts:,}" for outcome, accounts in sorted(answer.outcomes.items()))
