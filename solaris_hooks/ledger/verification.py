"""Verification: recompute accounts' chains and figures from their entries, and name what cannot be true.

Both adapters use it. It keeps one line for each account that is not closed yet, so that
PostgreSQL's rows can be streamed through it, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from solaris_hooks.ledger.chain import GENESIS, EntryFields, entry_digest
from solaris_hooks.ledger.member_verification import MemberVerifier, StoredMember
from solaris_hooks.ledger.records import Flaw, Verification
from solaris_hooks.quota.ids import AccountId

MOST_MISSING = 100
"""Missing entries named one by one in a row; a gap of a million is no more news than one of a hundred."""


MOST_FLAWS = 10_000
"""Flaws named one by one; of what comes after them, only the number is kept."""


class ChainedEntry(EntryFields, Protocol):
    """An entry's fields with both digests."""

    @property
    def previous_hash(self) -> bytes:
        """Digest of the entry before, as stored."""
        ...

    @property
    def hash(self) -> bytes:
        """Digest of the entry, as stored."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFigures:
    """What an account's own row, its holds and its lots say; all tokens are booked (weighted).

    Attributes:
        entries: number of the newest entry.
        chain: digest of the newest entry; :data:`~solaris_hooks.ledger.chain.GENESIS` without any.
        allowance_left: allowance granted and not used.
        credits_remaining: unused credits by the account's row.
        holds_sum: sum of the amounts of its holds; must be ``held``.
        lots_sum: sum of what its credit lots have left; must be ``credits_remaining``.
    """

    account_id: AccountId
    entries: int
    chain: bytes
    allowance_left: int
    credits_remaining: int
    overage: int
    held: int
    holds_sum: int
    lots_sum: int


@dataclass(frozen=True, slots=True)
class _Line:
    """Where an account's chain stands: what its newest entry says."""

    number: int = 0
    hash: bytes = GENESIS
    allowance: int = 0
    credits: int = 0
    overage: int = 0

    @property
    def worth(self) -> int:
        """What entries' tokens add up to."""
        return self.allowance + self.credits - self.overage


class AccountVerifier:
    """Checks accounts: give it the entries of each in order of number, then its stored figures.

    A flaw is told once: what follows is checked against what is stored, so that one changed
    byte does not condemn every later entry.
    """

    def __init__(self) -> None:
        """Start with no account."""
        self._open: dict[AccountId, _Line] = {}
        self._members = MemberVerifier()
        self._flaws: list[Flaw] = []
        self._more_flaws = 0
        self._accounts = 0
        self._entries = 0

    def entry(self, entry: ChainedEntry) -> None:
        """Check the next entry of an account."""
        account_id = AccountId(entry.account_id)
        before = self._open.get(account_id, _Line())
        after = _Line(
            number=entry.number,
            hash=entry.hash,
            allowance=entry.allowance_after,
            credits=entry.credits_after,
            overage=entry.overage_after,
        )
        self._entries += 1
        self._members.entry(entry)
        self._open[account_id] = after
        self.found(Flaw(account_id, number, what) for number, what in _entry_flaws(before, entry, after))

    def account(self, stored: StoredFigures, members: Sequence[StoredMember] = ()) -> None:
        """Check an account's own figures and those of its members, after its last entry."""
        last = self._open.pop(stored.account_id, _Line())
        self._accounts += 1
        self.found(Flaw(stored.account_id, None, what) for what in _figures_flaws(last, stored))
        self.found(self._members.account(stored.account_id, members))

    def found(self, flaws: Iterable[Flaw]) -> None:
        """Keep flaws, these or others, as far as they are few enough to be read."""
        for flaw in flaws:
            if len(self._flaws) < MOST_FLAWS:
                self._flaws.append(flaw)
            else:
                self._more_flaws += 1

    @property
    def counted(self) -> tuple[int, int]:
        """Accounts and entries checked so far."""
        return self._accounts, self._entries

    def result(self) -> Verification:
        """What was checked and what is wrong. Entries without an account are wrong too."""
        self.found(
            Flaw(account_id, None, f"there are {last.number} entries but no account")
            for account_id, last in self._open.items()
        )
        self._open.clear()
        return Verification(self._accounts, self._entries, tuple(self._flaws), self._more_flaws)


def _entry_flaws(before: _Line, entry: ChainedEntry, after: _Line) -> Iterator[tuple[int, str]]:
    number = entry.number
    following = before.number + 1
    if number > following:
        for missing in range(following, min(number, following + MOST_MISSING)):
            yield missing, f"entry {missing} is missing"
    elif number < following:
        yield number, f"entry {number} comes after entry {before.number}"
    else:
        # After a gap neither the digest before nor the sum is known: the gap is the flaw.
        if entry.previous_hash != before.hash:
            yield number, f"entry {number} does not name the digest of the entry before it"
        if before.worth + entry.tokens != after.worth:
            yield (
                number,
                f"entry {number} moves {entry.tokens} tokens, but leads from {before.worth} to {after.worth}",
            )
    if entry_digest(entry.previous_hash, entry) != entry.hash:
        yield number, f"entry {number} was changed: its digest does not fit its content"


def _figures_flaws(last: _Line, stored: StoredFigures) -> Iterator[str]:
    if stored.entries != last.number:
        yield f"the account counts {stored.entries} entries, its ledger ends with entry {last.number}"
    elif stored.chain != last.hash:
        yield "the account's digest is not that of its last entry"
    for name, found, booked in (
        ("allowance left", stored.allowance_left, last.allowance),
        ("credits remaining", stored.credits_remaining, last.credits),
        ("overage", stored.overage, last.overage),
    ):
        if found != booked:
            yield f"the account says {found} {name}, its last entry {booked}"
    if stored.held != stored.holds_sum:
        yield f"the account says {stored.held} held, its holds {stored.holds_sum}"
    if stored.credits_remaining != stored.lots_sum:
        yield f"the account says {stored.credits_remaining} credits remaining, its lots {stored.lots_sum}"
