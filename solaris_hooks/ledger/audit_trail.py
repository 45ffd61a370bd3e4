"""The audit trail: what people changed, who did it, when and why. It can be read and appended to, never changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.ids import AccountId


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change.

    Attributes:
        number: grows with time, over all accounts.
        action: what was done, such as ``account.change`` or ``credits.grant``.
        account_id: whose account it was; None where it was about none.
        subject: the plan, lot, request or account that was changed.
        before: the fields that changed, as they were; None where there was nothing. JSON values.
        after: the same fields as they became.
        batch_id: the batch that it was part of.
        undoes: number of the change that it undid.
        undone_by: number of the change that undid it.
    """

    number: int
    at: dt.datetime
    actor: str
    action: str
    account_id: AccountId | None
    subject: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    reason: str | None
    batch_id: UUID | None = None
    undoes: int | None = None
    undone_by: int | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes to read; None takes all.

    Attributes:
        since: none that were earlier, UTC.
        before: only numbers below this one.
        batch_id: only those of this batch.
    """

    account_id: AccountId | None = None
    action: str | None = None
    actor: str | None = None
    since: dt.datetime | None = None
    before: int | None = None
    batch_id: UUID | None = None

    def takes(self, record: AuditRecord) -> bool:
        """Whether a change is among them."""
        return (
            self.account_id in {None, record.account_id}
            and self.action in {None, record.action}
            and self.actor in {None, record.actor}
            and (self.since is None or record.at >= self.since)
            and (self.before is None or record.number < self.before)
            and self.batch_id in {None, record.batch_id}
        )


class AuditTrail(Protocol):
    """Reads what was changed; the functions that change write it down themselves."""

    async def records(self, wanted: AuditFilter | None = None, *, limit: int = 50) -> Sequence[AuditRecord]:
        """Changes, newest first."""
        ...


class PostgresAuditTrail:
    """Keeps the contract of :class:`AuditTrail` on PostgreSQL."""

    def __init__(self, statements: Statements) -> None:
        """Keep what runs statements."""
        self._statements = statements

    async def records(self, wanted: AuditFilter | None = None, *, limit: int = 50) -> Sequence[AuditRecord]:
        """See :meth:`AuditTrail.records`."""
        asked = wanted or AuditFilter()
        found = await self._statements.all(
            "audit",
            {
                "account_id": asked.account_id,
                "action": asked.action,
                "actor": asked.actor,
                "since": asked.since,
                "before": asked.before,
                "batch_id": asked.batch_id,
                "limit": limit,
            },
        )
        return [AuditRecord(**{**row, "at": row["at"].astimezone(dt.UTC)}) for row in found]


class MemoryAuditTrail:
    """Keeps the contract of :class:`AuditTrail` in memory. Tests and demos only."""

    def __init__(self) -> None:
        """Start with nothing written down."""
        self._records: list[AuditRecord] = []

    def write(self, draft: AuditRecord) -> int:
        """Write down a change under the next number, which is returned."""
        number = len(self._records) + 1
        self._records.append(replace(draft, number=number))
        return number

    async def records(self, wanted: AuditFilter | None = None, *, limit: int = 50) -> Sequence[AuditRecord]:
        """See :meth:`AuditTrail.records`."""
        asked = wanted or AuditFilter()
        return [each for each in reversed(self._records) if asked.takes(each)][:limit]


def differing(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The fields of two states that are not the same, in each."""
    changed = [name for name, value in after.items() if value != before[name]]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}
