"""Lots of credits in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.audit_trail import AuditRecord, MemoryAuditTrail
from solaris_hooks.ledger.credit_lots import Revocation, RevocationResult
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.records import CreditLot
from solaris_hooks.quota import rules
from solaris_hooks.quota.errors import ConflictError, NotFoundError
from solaris_hooks.quota.ids import AccountId


class Accounts(Protocol):
    """What is needed of the in-memory ledger."""

    trail: MemoryAuditTrail

    def now(self) -> dt.datetime:
        """The time."""
        ...

    def known(self) -> Mapping[AccountId, MemoryAccount]:
        """All accounts as they were left."""
        ...

    def current(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount | None:
        """One account as of now, or None."""
        ...

    def thresholds(self, account: MemoryAccount) -> Sequence[int]:
        """The percentages of use at which its user is told."""
        ...


class MemoryCreditLots:
    """Keeps the contract of :class:`~solaris_hooks.ledger.credit_lots.CreditLots`."""

    def __init__(self, accounts: Accounts) -> None:
        """Keep the accounts."""
        self._accounts = accounts

    async def all(self, account_id: AccountId, *, limit: int = 50, before: UUID | None = None) -> Sequence[CreditLot]:
        """Lots of an account, newest first."""
        account = self._accounts.known().get(account_id)
        if account is None:
            return []
        left = {lot.lot_id: lot.remaining for lot in account.figures.lots}
        found = sorted(account.lots, key=lambda lot: lot.lot_id, reverse=True)
        older = [lot for lot in found if before is None or lot.lot_id < before]
        return [replace(lot, remaining=left.get(lot.lot_id, 0)) for lot in older[:limit]]

    async def revoke(self, revocation: Revocation) -> RevocationResult:
        """Take back what is unused of a lot."""
        known = self._accounts.known().get(revocation.account_id)
        if known is None:
            raise NotFoundError(f'There is no account "{revocation.account_id}".', param="account_id")
        key, lot_id = revocation.idempotency_key, revocation.lot_id
        first = known.revocations.get(key)
        if first is not None and first[0] != lot_id:
            raise ConflictError(f'The idempotency key "{key}" was used for another lot.')
        if first is None and lot_id not in {lot.lot_id for lot in known.lots}:
            raise NotFoundError(f'Account "{revocation.account_id}" has no lot {lot_id}.')
        now = self._accounts.now()
        account = self._accounts.current(revocation.account_id, now)
        assert account is not None  # it was known
        if first is not None:
            return RevocationResult(first[1], replayed=True)
        unused = sum(lot.remaining for lot in account.figures.lots if lot.lot_id == lot_id)
        step = rules.revoked(account.figures, lot_id, key=key)
        tokens = sum(-posting.tokens for posting in step.postings)
        if tokens:
            account.take(step, at=now, actor=revocation.actor, reason=revocation.reason)
            account.revocations[key] = (lot_id, tokens)
            account.emit(
                EventKind.CREDIT_REVOKED,
                f"revocation:{key}",
                now,
                tokens=tokens,
                lot_id=str(lot_id),
                reason=revocation.reason,
            )
            before, after = {"remaining": unused}, {"remaining": unused - tokens}
            self._accounts.trail.write(
                AuditRecord(
                    number=0,
                    at=now,
                    actor=revocation.actor,
                    action="credits.revoke",
                    account_id=revocation.account_id,
                    subject=str(lot_id),
                    before=before,
                    after=after,
                    reason=revocation.reason,
                )
            )
        return RevocationResult(tokens, replayed=False)

    async def expire_due(self, *, limit: int) -> int:
        """Expire lots of accounts that nobody looked at since."""
        now = self._accounts.now()
        due = [
            (min(expiries), account_id)
            for account_id, account in self._accounts.known().items()
            if (expiries := [lot.expires_at for lot in account.figures.lots if lot.remaining and lot.expires_at])
            and min(expiries) <= now
        ]
        for _, account_id in sorted(due)[:limit]:
            self._accounts.current(account_id, now)
        return len(due[:limit])
