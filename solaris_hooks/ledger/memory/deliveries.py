"""Deliveries in memory: what tests put there. Nothing is dispatched or sent here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryRecord, DeliveryState
from solaris_hooks.quota.errors import ConflictError, NotFoundError
from solaris_hooks.quota.ids import AccountId


class MemoryDeliveries:
    """Keeps the contract of :class:`~solaris_hooks.ledger.delivery_records.DeliveryBook`."""

    def __init__(self) -> None:
        """Begin with none."""
        self.records: dict[UUID, DeliveryRecord] = {}
        self.without_mails: set[AccountId] = set()

    async def deliveries(self, wanted: DeliveryFilter, *, limit: int = 50) -> Sequence[DeliveryRecord]:
        """See :meth:`DeliveryBook.deliveries`."""
        newest = sorted(self.records.values(), key=lambda each: each.delivery_id, reverse=True)
        return [each for each in newest if wanted.takes(each)][:limit]

    async def delivery(self, delivery_id: UUID) -> DeliveryRecord | None:
        """See :meth:`DeliveryBook.delivery`."""
        return self.records.get(delivery_id)

    async def resend(self, delivery_id: UUID, *, actor: str, reason: str) -> DeliveryRecord:
        """See :meth:`DeliveryBook.resend`. Writes no audit."""
        del actor, reason
        record = self.records.get(delivery_id)
        if record is None:
            raise NotFoundError(f"There is no delivery {delivery_id}.")
        if record.state is DeliveryState.PENDING:
            raise ConflictError(f"Delivery {delivery_id} is about to be sent.")
        self.records[delivery_id] = replace(
            record, state=DeliveryState.PENDING, attempts=0, resends=record.resends + 1, last_error=None, ended_at=None
        )
        return self.records[delivery_id]

    async def gets_mails(self, account_id: AccountId) -> bool:
        """See :meth:`DeliveryBook.gets_mails`. Knows no accounts: all get them but those that said otherwise."""
        return account_id not in self.without_mails

    async def set_mails(self, account_id: AccountId, *, mails: bool, actor: str, reason: str | None) -> None:
        """See :meth:`DeliveryBook.set_mails`. Writes no audit."""
        del actor, reason
        if mails:
            self.without_mails.discard(account_id)
        else:
            self.without_mails.add(account_id)
