"""Whether the books are right, and there; and room for what is to come."""

from __future__ import annotations

from collections.abc import Sequence

from solaris_hooks.ledger.audit import Progress, verified
from solaris_hooks.ledger.checkpoints import Checkpoint
from solaris_hooks.ledger.postgres.part import PostgresPart
from solaris_hooks.ledger.records import Verification
from solaris_hooks.quota.ids import AccountId


class PostgresUpkeep(PostgresPart):
    """Verification, and what keeps the tables in order."""

    async def verify(self, account_id: AccountId | None = None, *, progress: Progress | None = None) -> Verification:
        """See :meth:`Books.verify`. Reads one snapshot, so that traffic goes on meanwhile.

        Args:
            account_id: one account; None for all.
            progress: is told how many accounts and entries were recomputed so far.
        """
        async with self._statements.snapshot() as connection:
            return await verified(connection, account_id, progress=progress)

    async def verify_against(
        self, checkpoints: Sequence[Checkpoint], account_id: AccountId | None = None
    ) -> Verification:
        """Recompute as :meth:`verify` does, and compare every account with what signed checkpoints say of it.

        Raises:
            CheckpointError: a checkpoint is of other books, or its file was changed meanwhile.
        """
        async with self._statements.snapshot() as connection:
            return await verified(connection, account_id, checkpoints)

    async def ping(self) -> None:
        """See :meth:`Books.ping`."""
        await self._statements.all("ping", {})

    async def make_usage_partitions(self, *, months: int) -> int:
        """Make the monthly partitions of usage that are missing, up to ``months`` ahead. Returns how many."""
        row = await self._statements.one("make_usage_partitions", {"months": months, "now": self._clock()})
        return int(row["made"])
