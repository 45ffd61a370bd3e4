"""What happened to accounts, and what of it the chat has still to tell."""

from __future__ import annotations

from collections.abc import Sequence

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.event import Event
from solaris_hooks.ledger.postgres.part import PostgresPart
from solaris_hooks.quota.ids import AccountId


class PostgresEvents(PostgresPart):
    """Keeps the contract of :class:`~solaris_hooks.ledger.port.Events`."""

    async def take_notices(self, account_id: AccountId) -> Sequence[Event]:
        """See :meth:`Events.take_notices`."""
        found = await self._statements.all("take_notices", {"account_id": account_id, "now": self._clock()})
        return [rows.event(row) for row in found]

    async def give_back_notices(self, account_id: AccountId, numbers: Sequence[int]) -> int:
        """See :meth:`Events.give_back_notices`."""
        row = await self._statements.one("give_back_notices", {"account_id": account_id, "numbers": list(numbers)})
        return int(row["given_back"])

    async def events(
        self, account_id: AccountId | None = None, *, limit: int = 50, before: int | None = None
    ) -> Sequence[Event]:
        """See :meth:`Events.events`."""
        found = await self._statements.all("events", {"account_id": account_id, "limit": limit, "before": before})
        return [rows.event(row) for row in found]
