"""What happened to accounts of the in-memory ledger."""

from __future__ import annotations

from collections.abc import Sequence

from solaris_hooks.ledger.event import Event
from solaris_hooks.ledger.memory.store import MemoryStore
from solaris_hooks.quota.ids import AccountId


class MemoryEvents(MemoryStore):
    """Keeps the contract of :class:`~solaris_hooks.ledger.port.Events`."""

    async def take_notices(self, account_id: AccountId) -> Sequence[Event]:
        """What the chat is to tell now."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        told, account.untold = account.untold, []
        return [account.events[key] for key in told]

    async def give_back_notices(self, account_id: AccountId, numbers: Sequence[int]) -> int:
        """Let events that were taken be taken again."""
        account = self._accounts.get(account_id)
        if account is None:
            return 0
        back = [key for key, event in account.events.items() if event.number in numbers and key not in account.untold]
        account.untold = sorted([*back, *account.untold], key=lambda key: account.events[key].number)
        return len(back)

    async def events(
        self, account_id: AccountId | None = None, *, limit: int = 50, before: int | None = None
    ) -> Sequence[Event]:
        """Events of an account or of all, newest first."""
        found = [
            event
            for key, account in self._accounts.items()
            if account_id in {None, key}
            for event in account.events.values()
            if before is None or event.number < before
        ]
        return sorted(found, key=lambda event: -event.number)[:limit]
