"""Verification: recompute an account's chain and figures from its entries, and name what cannot be true.

Both adapters use it. It keeps nothing but the entry before, so that PostgreSQL's rows can be
streamed through it, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from solaris_hooks.ledger.chain import GENESIS, EntryFields, entry_digest
from solaris_hooks.ledger.records import Flaw
from solaris_hooks.quota.ids import AccountId


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
        last_hash: digest of the newest entry; :data:`~solaris_hooks.ledger.chain.GENESIS` without any.
        allowance_left: allowance granted and not used.
        credits_remaining: unused credits by the account's row.
        holds_sum: sum of the amounts of its holds; must be ``held``.
        lots_sum: sum of what its credit lots have left; must be ``credits_remaining``.
    """

    entries: int
    last_hash: bytes
    allowance_left: int
    credits_remaining: int
    overage: int
    held: int
    holds_sum: int
    lots_sum: int


@dataclass(frozen=True, slots=True)
class _After:
    """Where the chain stands: the newest entry that was seen."""

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
    """Checks one account: feed it the entries in order of number, then the account's stored figures.

    A flaw is told once: what follows is checked against what is stored, so that one changed
    byte does not condemn every later entry.
    """

    def __init__(self, account_id: AccountId) -> None:
        """Start before the first entry of an account."""
        self._account_id = account_id
        self._last = _After()
        self._seen = 0

    @property
    def entries(self) -> int:
        """How many entries were checked."""
        return self._seen

    def check_entry(self, entry: ChainedEntry) -> list[Flaw]:
        """Check the next entry. Returns what is wrong with it."""
        last = self._last
        number = entry.number
        self._seen += 1
        self._last = _After(
            number=number,
            hash=entry.hash,
            allowance=entry.allowance_after,
            credits=entry.credits_after,
            overage=entry.overage_after,
        )
        flaws = list(self._numbering(last, number))
        if entry.account_id != self._account_id:
            flaws.append(self._flaw(number, f"belongs to {entry.account_id}"))
        # After a gap neither the digest before nor the sum is known: the gap is the flaw.
        if number == last.number + 1:
            if entry.previous_hash != last.hash:
                flaws.append(self._flaw(number, "does not name the digest of the entry before it"))
            if last.worth + entry.tokens != self._last.worth:
                flaws.append(
                    self._flaw(
                        number,
                        f"its {entry.tokens} tokens do not lead from {last.worth} to {self._last.worth}",
                    )
                )
        if entry_digest(entry.previous_hash, entry) != entry.hash:
            flaws.append(self._flaw(number, "was changed: its digest does not fit its content"))
        return flaws

    def check_figures(self, stored: StoredFigures) -> list[Flaw]:
        """Check the account's own figures after its last entry. Returns what is wrong with them."""
        last = self._last
        flaws = list(self._tail(stored))
        for name, found, booked in (
            ("allowance left", stored.allowance_left, last.allowance),
            ("credits remaining", stored.credits_remaining, last.credits),
            ("overage", stored.overage, last.overage),
        ):
            if found != booked:
                flaws.append(self._flaw(None, f"the account says {found} {name}, its last entry {booked}"))
        if stored.held != stored.holds_sum:
            flaws.append(
                self._flaw(None, f"the account says {stored.held} held, its holds {stored.holds_sum}")
            )
        if stored.credits_remaining != stored.lots_sum:
            flaws.append(
                self._flaw(
                    None,
                    f"the account says {stored.credits_remaining} credits remaining, "
                    f"its lots {stored.lots_sum}",
                )
            )
        return flaws

    def _numbering(self, last: _After, number: int) -> Iterator[Flaw]:
        if number > last.number + 1:
            for missing in range(last.number + 1, min(number, last.number + 1 + _MOST_NAMED)):
                yield self._flaw(missing, "is missing")
        elif number <= last.number:
            yield self._flaw(number, f"comes after entry {last.number}")

    def _tail(self, stored: StoredFigures) -> Iterator[Flaw]:
        last = self._last
        if stored.entries != last.number:
            yield self._flaw(
                None, f"the account counts {stored.entries} entries, its ledger ends with {last.number}"
            )
        elif stored.last_hash != last.hash:
            yield self._flaw(None, "the account's digest is not that of its last entry")

    def _flaw(self, entry: int | None, what: str) -> Flaw:
        return Flaw(self._account_id, entry, what if entry is None else f"entry {entry} {what}")


_MOST_NAMED = 100
"""Missing entries named one by one in a row; a gap of a million is no more news than one of a hundred."""
