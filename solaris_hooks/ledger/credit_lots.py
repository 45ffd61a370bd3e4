"""Credit lots beyond granting them: listed with those used up, taken back, expired in the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.records import CreditLot
from solaris_hooks.quota.ids import AccountId


@dataclass(frozen=True, slots=True)
class Revocation:
    """Credits to take back.

    Attributes:
        idempotency_key: the same key takes back once; a replay returns the first result.
    """

    account_id: AccountId
    lot_id: UUID
    reason: str
    actor: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class RevocationResult:
    """What was taken back.

    Attributes:
        tokens: what was unused of the lot and held by no request; 0 where that was nothing: then nothing is written.
        replayed: the idempotency key took them back before; nothing was taken again.
    """

    tokens: int
    replayed: bool


class CreditLots(Protocol):
    """Lots of credits, whatever is left of them."""

    async def all(self, account_id: AccountId, *, limit: int = 50, before: UUID | None = None) -> Sequence[CreditLot]:
        """Lots of an account, used up or not, newest first, with ids below ``before``."""
        ...

    async def revoke(self, revocation: Revocation) -> RevocationResult:
        """Take back what is unused of a lot, but nothing that requests in flight hold. Audited.

        Thresholds that the smaller grant crosses are announced with the next settlement.

        Raises:
            NotFoundError: there is no such account or lot.
            ConflictError: the key was used for another lot.
        """
        ...

    async def expire_due(self, *, limit: int) -> int:
        """Expire lots of up to ``limit`` accounts that nobody looked at since. Returns how many accounts there were."""
        ...
