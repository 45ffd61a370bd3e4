"""Changes by people, as the API answers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.audit_trail import AuditRecord
from solaris_hooks.ledger.undo import UndoKind, undo_of
from solaris_hooks.web.answers.answer import Answer
from solaris_hooks.web.fields import Instant


class UndoAnswer(Answer):
    """How a change is undone."""

    kind: UndoKind
    to: dict[str, Any] = Field(description="The fields that are put back, with their values.")


class AuditAnswer(Answer):
    """One change by a person: never changed, never removed."""

    number: int
    at: Instant
    actor: str
    action: str
    account_id: str | None
    subject: str = Field(description="The plan, lot, request or account that was changed.")
    before: dict[str, Any] | None = Field(description="The fields that changed, as they were.")
    after: dict[str, Any] | None = Field(description="The same fields as they became.")
    reason: str | None
    batch_id: UUID | None = Field(description="The batch that it was part of.")
    undoes: int | None = Field(description="Number of the change that it undid.")
    undone_by: int | None = Field(description="Number of the change that undid it.")
    undo: UndoAnswer | None = Field(
        description="How it can be undone, unless what it changed has changed since; null where it cannot."
    )

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        """A change."""
        undo = undo_of(record)
        return cls.model_validate(
            {
                **{name: getattr(record, name) for name in cls.model_fields if name != "undo"},
                "undo": None if undo is None else UndoAnswer(kind=undo.kind, to=dict(undo.to)),
            }
        )


class AuditPageAnswer(Answer):
    """A page of changes, newest first."""

    data: list[AuditAnswer]
    next_before: int | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, records: Sequence[AuditRecord], limit: int) -> Self:
        """A page, from up to ``limit + 1`` changes."""
        page = records[:limit]
        return cls(
            data=[AuditAnswer.of(each) for each in page],
            next_before=page[-1].number if len(records) > limit else None,
        )
