"""What people changed, changed back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from solaris_hooks.ledger.audit_trail import AuditRecord
from solaris_hooks.ledger.records import ERASED
from solaris_hooks.ledger.statements import Statements


class UndoKind(StrEnum):
    """How a change is undone."""

    RESTORE = "restore"
    """The fields that it changed get the values that they had."""
    PLAN = "plan"
    """The account goes back to its plan, at once."""
    SCHEDULE = "schedule"
    """What waits for the renewal is what waited before, or nothing."""
    REVOKE = "revoke"
    """What is unused of the credits is taken back."""


@dataclass(frozen=True, slots=True)
class UndoAction:
    """How a change would be undone, if nothing changed since.

    Attributes:
        to: the fields that would be put back, with their values.
    """

    kind: UndoKind
    to: Mapping[str, object] = field(default_factory=dict)


_FIXED = {"time_zone", "anchor_day"}
"""A period that was made longer cannot be made shorter again."""


def undo_of(record: AuditRecord) -> UndoAction | None:
    """How a change can be undone; None where it cannot, or was.

    Whether something changed since is only known to the books, which refuse it then.
    """
    before = record.before or {}
    if record.undone_by is not None:
        return None
    known = bool(before) and ERASED not in before.values() and not _FIXED & before.keys()
    match record.action:
        case "credits.grant":
            return UndoAction(UndoKind.REVOKE)
        case "account.change" | "account.mails" | "account.preferences" if known:
            return UndoAction(UndoKind.RESTORE, before)
        case "account.plan" if known:
            return UndoAction(UndoKind.PLAN, {"plan": before["plan"]})
        case "account.plan_scheduled" if known:
            return UndoAction(UndoKind.SCHEDULE, {"scheduled_plan": before["scheduled_plan"]})
        case _:
            return None


class Undoing:
    """Undoes changes: each call is one statement and one transaction."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def undo(self, number: int, *, reason: str, actor: str) -> int:
        """Undo a change, once. Returns the number of the row of the audit trail that tells of it.

        Args:
            number: of the row that tells of the change.
            reason: why; it stays in the audit trail.
            actor: who wants it.

        Raises:
            NotFoundError: there is no such change.
            ConflictError: it was undone before, or what it changed has changed since.
            InvalidRequestError: changes of this kind cannot be undone.
        """
        row = await self._statements.one(
            "undo", {"number": number, "reason": reason, "actor": actor, "now": self._clock()}
        )
        return int(row["number"])
