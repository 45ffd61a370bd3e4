"""Links that open once."""

from __future__ import annotations

import datetime as dt
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.ids import AccountId


class UsedLinks(Protocol):
    """Remembers which links were opened."""

    async def use(self, account_id: AccountId, link_id: UUID, *, expires_at: dt.datetime) -> bool:
        """Use a link. False where it was used before.

        Raises:
            LedgerError: the books cannot be reached.
        """
        ...


class PostgresUsedLinks:
    """See :class:`UsedLinks`."""

    def __init__(self, statements: Statements) -> None:
        """Keep the statements of the books."""
        self._statements = statements

    async def use(self, account_id: AccountId, link_id: UUID, *, expires_at: dt.datetime) -> bool:
        """See :meth:`UsedLinks.use`."""
        row = await self._statements.one(
            "use_link", {"account_id": account_id, "link_id": link_id, "expires_at": expires_at}
        )
        return bool(row["used"])
