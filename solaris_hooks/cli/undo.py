"""``solaris undo``: what was changed, changed back."""

from __future__ import annotations

from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, with_ledger
from solaris_hooks.cli.output import show_json, show_line
from solaris_hooks.ledger.audit_trail import AuditFilter, AuditRecord
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.web.administration_bodies import UndoBody
from solaris_hooks.web.answers import AuditAnswer


def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of the change in `solaris audit`.", min=1)],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Undo a change, once, if nothing changed since."""
    body = UndoBody(reason=reason)

    async def work(ledger: Ledger) -> AuditRecord:
        """Do it with the ledger."""
        undoing = runtime.administration(ledger).undoing
        written = await undoing.undo(number, reason=body.reason, actor=runtime.actor())
        (record,) = await ledger.trail.records(AuditFilter(before=written + 1), limit=1)
        return record

    answer = AuditAnswer.of(with_ledger(context, work))
    if as_json:
        show_json(answer)
    else:
        show_line(f"Change {number} is undone by change {answer.number}.")
