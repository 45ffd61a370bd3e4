"""Compare the books with a checkpoint, account by account, both in order of id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from solaris_hooks.ledger.checkpoints.document import Checkpoint, Head
from solaris_hooks.ledger.records import CheckpointResult, Flaw
from solaris_hooks.quota.ids import AccountId


class NumberedDigest(Protocol):
    """What the comparison needs of an entry."""

    @property
    def account_id(self) -> str:
        """Whose entry it is."""
        ...

    @property
    def number(self) -> int:
        """Its place in the account's ledger, from 1."""
        ...

    @property
    def hash(self) -> bytes:
        """Its digest, as stored."""
        ...


class CheckpointComparison:
    """Finds what a checkpoint knows and the books no longer say.

    The entry at the number of a head must have the head's digest. Since each digest covers the one
    before, and verification recomputes them all, no entry up to there can then be another. Give it
    every entry and every account of the books in order of id; it reads the file along with them.
    """

    def __init__(self, checkpoint: Checkpoint, *, known: bool, account_id: AccountId | None = None) -> None:
        """Begin.

        Args:
            checkpoint: whose signature holds.
            known: whether the books list it.
            account_id: compare this account alone.
        """
        self._checkpoint = checkpoint
        self._known = known
        heads = checkpoint.heads()
        self._heads = heads if account_id is None else (head for head in heads if head.account_id == account_id)
        self._head = next(self._heads, None)
        self._found: bytes | None = None
        self._last = 0
        self._exists = False
        self._compared = 0
        self._differ = 0

    def entry(self, entry: NumberedDigest) -> Iterator[Flaw]:
        """Take note of the next entry; tells what is wrong with accounts before it."""
        yield from self._turn_to(entry.account_id)
        head = self._head
        if head is not None and head.account_id == entry.account_id:
            self._last = entry.number
            if entry.number == head.entries:
                self._found = entry.hash

    def account(self, account_id: AccountId) -> Iterator[Flaw]:
        """Take note of an account that the books have; tells what is wrong with those before it."""
        yield from self._turn_to(account_id)
        if self._head is not None and self._head.account_id == account_id:
            self._exists = True

    def end(self) -> Iterator[Flaw]:
        """The books have no more accounts; tells what is wrong with the rest of the checkpoint's."""
        yield from self._turn_to(None)

    def result(self) -> CheckpointResult:
        """What was compared."""
        header = self._checkpoint.header
        return CheckpointResult(
            number=header.number,
            taken_at=header.taken_at,
            accounts=self._compared,
            differing=self._differ,
            known=self._known,
        )

    def _turn_to(self, account_id: str | None) -> Iterator[Flaw]:
        """Judge all heads before an account. Python orders texts by code points, which is the file's order."""
        while (head := self._head) is not None and (account_id is None or head.account_id < account_id):
            self._compared += 1
            said = self._verdict(head)
            if said is not None:
                self._differ += 1
                yield Flaw(head.account_id, head.entries or None, f"{said} checkpoint {self._checkpoint.header.number}")
            self._head = next(self._heads, None)
            self._found, self._last, self._exists = None, 0, False

    def _verdict(self, head: Head) -> str | None:
        if not self._exists and self._last == 0:
            return f"the account is gone, with the {head.entries} entries that it has in"
        if self._last < head.entries:
            return f"entries {self._last + 1} to {head.entries} are gone that it has in"
        if head.entries > 0 and self._found != head.digest:
            return f"entry {head.entries} or one before it was written anew: its digest is not that of"
        return None
