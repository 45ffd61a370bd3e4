"""The in-memory ledger as a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from solaris_hooks.ledger.account_list import MemoryAccountList
from solaris_hooks.ledger.memory.accounts import MemoryAccounts
from solaris_hooks.ledger.memory.actions import MemoryAccountActions
from solaris_hooks.ledger.memory.credit_lots import MemoryCreditLots
from solaris_hooks.ledger.memory.credit_requests import MemoryRequestBook
from solaris_hooks.ledger.memory.deliveries import MemoryDeliveries
from solaris_hooks.ledger.memory.events import MemoryEvents
from solaris_hooks.ledger.memory.members import MemoryMembers
from solaris_hooks.ledger.memory.metering import MemoryMetering
from solaris_hooks.ledger.memory.people import MemoryPeople
from solaris_hooks.ledger.memory.plans import MemoryPlans
from solaris_hooks.ledger.memory.refusals import MemoryRefusals
from solaris_hooks.ledger.memory.terms import MemoryAccountTerms
from solaris_hooks.ledger.records import Account, NewAccount, Verification
from solaris_hooks.ledger.verification import AccountVerifier
from solaris_hooks.quota.ids import AccountId


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class MemoryLedger(MemoryMetering, MemoryPeople, MemoryEvents, MemoryAccounts, MemoryPlans):
    """Keeps the contract of :mod:`solaris_hooks.ledger.port` without a database. Tests and demos only."""

    def __init__(self, now: Callable[[], dt.datetime] = _utc_now, *, defaults: NewAccount | None = None) -> None:
        """Start with the default plan and no accounts.

        Args:
            now: the clock; aware times.
            defaults: what accounts get that ``put_account`` makes.
        """
        super().__init__(now, defaults or NewAccount())
        self.deliveries = MemoryDeliveries()
        self.refusals = MemoryRefusals(self, now)
        self.terms = self.cycle = MemoryAccountTerms(self)
        self.lots = MemoryCreditLots(self)
        self.actions = MemoryAccountActions(self)
        self.requests = MemoryRequestBook(self)
        self.account_list = MemoryAccountList(self._everybody)
        self.members = MemoryMembers(self)

    async def verify(self, account_id: AccountId | None = None) -> Verification:
        """Recompute every entry and balance."""
        verifier = AccountVerifier()
        for key, account in sorted(self._accounts.items()):
            if account_id in {None, key}:
                account.check(verifier)
        return verifier.result()

    async def ping(self) -> None:
        """Memory can always be read."""

    def _everybody(self) -> Sequence[Account]:
        now = self.now()
        return [self._read(self._as_of(account, now)) for account in self._accounts.values()]
