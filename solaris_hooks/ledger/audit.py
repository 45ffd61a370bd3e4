"""Verify PostgreSQL's books: entries and accounts streamed side by side, each account dropped when it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from psycopg import AsyncConnection, AsyncServerCursor
from psycopg.rows import DictRow

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.checkpoints import Checkpoint
from solaris_hooks.ledger.checkpoints.comparison import CheckpointComparison
from solaris_hooks.ledger.member_verification import StoredMember
from solaris_hooks.ledger.queries import statements
from solaris_hooks.ledger.records import Entry, Flaw, Verification
from solaris_hooks.ledger.verification import MOST_FLAWS, AccountVerifier, StoredFigures
from solaris_hooks.quota.errors import CheckpointError
from solaris_hooks.quota.ids import AccountId

_BATCH = 2000
"""Rows fetched at a time."""

Progress = Callable[[int, int], None]
"""Takes how many accounts and entries were recomputed so far."""


async def verified(
    connection: AsyncConnection[DictRow],
    account_id: AccountId | None,
    against: Sequence[Checkpoint] = (),
    *,
    progress: Progress | None = None,
) -> Verification:
    """Recompute every entry and balance that a connection's snapshot shows.

    Args:
        connection: within a transaction that sees one snapshot.
        account_id: one account alone, or all.
        against: checkpoints to compare with as well.
        progress: is told after each account how many accounts and entries were recomputed.

    Raises:
        CheckpointError: a checkpoint is of other books.
    """
    comparisons = [
        CheckpointComparison(each, known=await _known(connection, each), account_id=account_id) for each in against
    ]
    audit = _Audit(comparisons)
    async with (
        _streamed(connection, "verify_entries", account_id) as entries,
        _streamed(connection, "verify_accounts", account_id) as accounts,
        _streamed(connection, "verify_members", account_id) as members,
    ):
        entry = await _next_entry(entries)
        member = await _next_member(members)
        async for row in accounts:
            stored = StoredFigures(**row)
            while entry is not None and entry.account_id <= stored.account_id:
                audit.entry(entry)
                entry = await _next_entry(entries)
            mine = []
            while member is not None and member.account_id <= stored.account_id:
                mine.append(member)
                member = await _next_member(members)
            audit.account(stored, mine)
            if progress is not None:
                progress(*audit.counted)
        while entry is not None:
            audit.entry(entry)
            entry = await _next_entry(entries)
    audit.found(await _changed_reasons(connection, account_id))
    return audit.result()


class _Audit:
    """The books' own verification with the comparisons beside it."""

    def __init__(self, comparisons: Sequence[CheckpointComparison]) -> None:
        self._verifier = AccountVerifier()
        self._comparisons = comparisons

    def entry(self, entry: Entry) -> None:
        """Check the next entry."""
        self._verifier.entry(entry)
        for each in self._comparisons:
            self._verifier.found(each.entry(entry))

    def account(self, stored: StoredFigures, members: Sequence[StoredMember]) -> None:
        """Check an account's own figures and its members', after its last entry."""
        self._verifier.account(stored, members)
        for each in self._comparisons:
            self._verifier.found(each.account(stored.account_id))

    @property
    def counted(self) -> tuple[int, int]:
        """Accounts and entries so far."""
        return self._verifier.counted

    def found(self, flaws: Sequence[Flaw]) -> None:
        """Keep flaws that were found otherwise."""
        self._verifier.found(flaws)

    def result(self) -> Verification:
        """What was checked and what is wrong."""
        for each in self._comparisons:
            self._verifier.found(each.end())
        return replace(self._verifier.result(), checkpoints=tuple(each.result() for each in self._comparisons))


async def _changed_reasons(connection: AsyncConnection[DictRow], account_id: AccountId | None) -> Sequence[Flaw]:
    """Reasons that were changed since: their words stand beside the chain, which has a digest of them."""
    cursor = await connection.execute(
        statements()["verify_texts"].encode(), {"account_id": account_id, "limit": MOST_FLAWS}
    )
    return [
        Flaw(AccountId(row["account_id"]), row["number"], f"the reason of entry {row['number']} was changed")
        async for row in cursor
    ]


async def _known(connection: AsyncConnection[DictRow], checkpoint: Checkpoint) -> bool:
    """Whether the books list a checkpoint of theirs.

    Raises:
        CheckpointError: it is of other books.
    """
    cursor = await connection.execute(statements()["checkpoint_known"].encode(), {"sha256": checkpoint.sha256})
    row = await cursor.fetchone()
    books = row["books_id"] if row is not None else None
    if books != checkpoint.header.books:
        raise CheckpointError(
            f"{checkpoint.path} is of other books: it was taken of {checkpoint.header.books}, "
            f"and this database has {books}. See DATABASE_URL."
        )
    return row is not None and bool(row["known"])


@asynccontextmanager
async def _streamed(
    connection: AsyncConnection[DictRow], name: str, account_id: AccountId | None
) -> AsyncIterator[AsyncServerCursor[DictRow]]:
    async with connection.cursor(name=f"solaris_{name}") as cursor:
        cursor.itersize = _BATCH
        await cursor.execute(statements()[name].encode(), {"account_id": account_id})
        yield cursor


async def _next_entry(cursor: AsyncServerCursor[DictRow]) -> Entry | None:
    row = await anext(aiter(cursor), None)
    return None if row is None else rows.entry(row)


async def _next_member(cursor: AsyncServerCursor[DictRow]) -> StoredMember | None:
    row = await anext(aiter(cursor), None)
    return None if row is None else StoredMember(**row)
