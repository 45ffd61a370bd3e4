"""Changes changed back, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.web.administration_bodies import UndoBody
from solaris_hooks.web.answers import AuditAnswer
from solaris_hooks.web.dependencies import Changer, TheAdministration, TheBooks
from solaris_hooks.web.description import error_answers

router = APIRouter(prefix="/api/v1/audit/{number}/undo", tags=["audit"])


@router.post(
    "",
    summary="Undo a change",
    responses={
        **error_answers(404, "There is no such change."),
        **error_answers(409, "It was undone before, or what it changed has changed since."),
    },
)
async def undo_change(
    administrator: Changer,
    administration: TheAdministration,
    books: TheBooks,
    number: Annotated[int, Path(ge=1, lt=2**63 - 1, description="Of the change in the audit trail.")],
    body: UndoBody,
) -> AuditAnswer:
    """Undo a change, once, if nothing changed since; see `undo` of the changes. Answers the change that undid it."""
    written = await administration.undoing.undo(number, reason=body.reason, actor=administrator.actor)
    (record,) = await books.trail.records(AuditFilter(before=written + 1), limit=1)
    return AuditAnswer.of(record)
