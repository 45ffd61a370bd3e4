"""``solaris entries``, ``holds`` and ``sweep``: what happened, and what is under way."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import BaseModel

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import AnAccount, Json, Limit, existing, existing_id, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Entry, Hold
from solaris_hooks.ledger.sweep import SweepReport
from solaris_hooks.web.answers import EntriesAnswer, HoldAnswer

OneAccount = Annotated[
    str | None, typer.Argument(metavar="[ACCOUNT]", help="Of one account; of all where none is given.")
]


class HoldsAnswer(BaseModel):
    """Tokens held now, oldest first."""

    data: list[HoldAnswer]


class SweepAnswer(BaseModel):
    """What a sweep did with holds whose request died."""

    swept: int
    from_spend_logs: int
    estimated: int
    released: int


def entries(
    context: typer.Context,
    account: AnAccount,
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only entries with a lower number.")] = None,
    as_json: Json = False,
) -> None:
    """Show an account's ledger, newest first."""

    async def read(ledger: Ledger) -> list[Entry]:
        """Read from the ledger."""
        found = (await existing(ledger, account)).balance.account_id
        return list(await ledger.entries(found, limit=limit + 1, before=before))

    answer = EntriesAnswer.of(with_ledger(context, read), limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["no.", "at", "kind", "tokens", "allowance", "credits", "overage", "by", "reason"],
        [
            [
                each.number,
                each.at,
                each.kind,
                each.tokens,
                each.allowance_after,
                each.credits_after,
                each.overage_after,
                each.actor,
                each.reason,
            ]
            for each in answer.data
        ],
        empty="There are no such entries.",
    )
    if answer.next_before:
        typer.echo(f"There are more: add --before {answer.next_before}", err=True)


def holds(context: typer.Context, account: OneAccount = None, limit: Limit = 100, as_json: Json = False) -> None:
    """Show the tokens that requests in flight hold, oldest first."""

    async def read(ledger: Ledger) -> list[Hold]:
        """Read from the ledger."""
        return list(await ledger.holds(await existing_id(ledger, account), limit=limit))

    answer = HoldsAnswer(data=[HoldAnswer.of(hold) for hold in with_ledger(context, read)])
    if as_json:
        show_json(answer)
        return
    show_table(
        ["account", "hold", "model", "held", "since", "lease until"],
        [
            [each.account_id, str(each.hold_id), each.model, each.amount, each.held_at, each.lease_until]
            for each in answer.data
        ],
        empty="Nothing is held.",
    )


def sweep(context: typer.Context, limit: Limit = 100, as_json: Json = False) -> None:
    """End holds whose request died: by LiteLLM's own logs, else by the setting sweep_policy."""
    using = runtime.settings(context.obj)

    async def work(ledger: Ledger) -> SweepReport:
        """Do it with the ledger."""
        return await runtime.sweep(ledger, using, limit=limit)

    report = with_ledger(context, work)
    if as_json:
        show_json(SweepAnswer.model_validate(report, from_attributes=True))
        return
    show_line(
        f"Ended {report.swept} holds: {report.from_spend_logs} by LiteLLM's logs, "
        f"{report.estimated} by estimate, {report.released} released."
    )
