"""How many connections one account may take: so that a busy one leaves some to all others."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from solaris_hooks.quota.ids import AccountId

LANES = 2
"""Calls for one account wait for its row's lock in PostgreSQL anyway: one that works and one that
waits its turn there are enough."""


class Lanes:
    """Bounds on concurrent statements of each account; ends have lanes of their own, since they free tokens."""

    def __init__(self) -> None:
        self._holds: WeakValueDictionary[AccountId, asyncio.Semaphore] = WeakValueDictionary()
        self._ends: WeakValueDictionary[AccountId, asyncio.Semaphore] = WeakValueDictionary()

    def holds(self, account_id: AccountId) -> asyncio.Semaphore:
        """What a hold of the account waits for."""
        return self._holds.setdefault(account_id, asyncio.Semaphore(LANES))

    def ends(self, account_id: AccountId) -> asyncio.Semaphore:
        """What a settlement or release of the account waits for."""
        return self._ends.setdefault(account_id, asyncio.Semaphore(LANES))
