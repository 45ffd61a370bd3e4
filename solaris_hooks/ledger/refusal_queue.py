"""Refusals of this process that wait to be written down: folded, and never more than a bound."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from solaris_hooks.ledger.refusal_records import FOLD_SECONDS, Holders, Refusal, RefusalReason
from solaris_hooks.quota.ids import AccountId, MemberId

MOST_WAITING = 2_000
"""Rows that wait, at the most; some 4 MB. Beyond it refusals are counted as lost."""

MOST_OF_ACCOUNT = 20
"""Rows of one account, of a team of one member, in a minute; a client chooses the names of models, so that further
ones share a row."""

MOST_FOLDS = 10_000
"""Rows that may be counted on, at the most; the oldest are left as they are."""

_Whose = tuple[AccountId | None, MemberId | None]
_Key = tuple[_Whose, RefusalReason, str | None, str]


@dataclass(slots=True, eq=False)
class _Row:
    refusal: Refusal
    until: float
    looked: bool


class RefusalQueue:
    """Counts refusals of a kind in one row, and keeps rows until they are written."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        Args:
            clock: monotonic seconds.
        """
        self._clock = clock
        self._folds: dict[_Key, _Row] = {}
        self._of: Counter[_Whose] = Counter()
        self._waiting: dict[UUID, _Row] = {}
        self.lost = 0

    def __len__(self) -> int:
        """How many rows wait."""
        return len(self._waiting)

    def add(self, refusal: Refusal) -> UUID:
        """Take a refusal in, or count it in the row of its kind. Returns the id of its row."""
        self._end_folds()
        key = self._key(refusal)
        row = self._folds.get(key)
        if row is None:
            return self._begin(key, refusal)
        first = row.refusal
        row.refusal = replace(first, count=first.count + 1, last_at=max(first.last_at, refusal.last_at))
        if first.refusal_id in self._waiting or len(self._waiting) < MOST_WAITING:
            self._waiting[first.refusal_id] = row
        # Else the next of its kind, or nobody, takes its count along.
        return first.refusal_id

    def unlooked(self) -> list[AccountId]:
        """Accounts of which nobody has looked yet which requests hold their tokens."""
        found = (row.refusal.account_id for row in self._waiting.values() if not row.looked)
        return list(dict.fromkeys(each for each in found if each is not None))

    def looked(self, account_ids: Sequence[AccountId], holders: Mapping[AccountId, Holders]) -> None:
        """Keep what a look at accounts found; nothing of an account means that nobody could tell.

        Args:
            account_ids: whose rows were looked after.
            holders: what was found.
        """
        wanted = set(account_ids)
        for row in self._waiting.values():
            if not row.looked and row.refusal.account_id in wanted:
                row.looked = True
                row.refusal = replace(row.refusal, holders=holders.get(row.refusal.account_id))

    def take(self, limit: int) -> list[Refusal]:
        """Rows to write, the oldest first; they wait no more."""
        taken = [self._waiting.pop(each) for each in list(self._waiting)[:limit]]
        return [row.refusal for row in taken]

    def give_back(self, refusals: Sequence[Refusal]) -> None:
        """Let rows wait again that could not be written, as far as there is room; what was counted since stays."""
        folds = {row.refusal.refusal_id: row for row in self._folds.values()}
        given = {
            each.refusal_id: folds.get(each.refusal_id) or _Row(each, 0.0, looked=True)
            for each in refusals
            if each.refusal_id not in self._waiting
        }
        room = max(0, MOST_WAITING - len(self._waiting))
        self.lost += sum(row.refusal.count for row in list(given.values())[room:])
        self._waiting = {**dict(list(given.items())[:room]), **self._waiting}

    def _begin(self, key: _Key, refusal: Refusal) -> UUID:
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return refusal.refusal_id
        whose, _, model, _ = key
        if model is None:
            refusal = replace(refusal, model=None)
        held = refusal.reason is RefusalReason.CUT_SHORT or bool(refusal.figures and refusal.figures.held)
        row = _Row(refusal, self._clock() + FOLD_SECONDS, looked=not held)
        while len(self._folds) >= MOST_FOLDS:
            self._forget(next(iter(self._folds)))
        self._folds[key] = row
        self._of[whose] += 1
        self._waiting[refusal.refusal_id] = row
        return refusal.refusal_id

    def _key(self, refusal: Refusal) -> _Key:
        # Whose nobody knows are told apart by what would have served them: LiteLLM's names, which no client chooses.
        kind = refusal.call_type if refusal.account_id is None else ""
        # Members of a team share no row: each gets to read his own.
        whose = (refusal.account_id, refusal.member_id)
        key = (whose, refusal.reason, refusal.model, kind)
        if key not in self._folds and self._of[whose] >= MOST_OF_ACCOUNT:
            return (whose, refusal.reason, None, "")
        return key

    def _end_folds(self) -> None:
        now = self._clock()
        while self._folds:
            oldest = next(iter(self._folds))
            if self._folds[oldest].until > now:
                return
            self._forget(oldest)

    def _forget(self, key: _Key) -> None:
        del self._folds[key]
        whose = key[0]
        self._of[whose] -= 1
        if not self._of[whose]:
            del self._of[whose]
