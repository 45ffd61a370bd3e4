"""Two accounts of one person become one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId, is_team


@dataclass(frozen=True, slots=True)
class Merge:
    """Which account goes into which.

    Attributes:
        source: is out of use afterwards; requests under its name are paid by the target.
        target: gets what the source has.
        move_use: whether what the source used of its allowance counts in the target, too. Otherwise what is left
            of the source's allowance lapses, and what it used is its own affair.
        idempotency_key: the same key merges once; a replay returns the first result.
    """

    source: AccountId
    target: AccountId
    reason: str
    actor: str
    idempotency_key: str
    move_use: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """What a merge moves. All tokens are booked (weighted).

    Attributes:
        credits: unused credits, lot by lot; each keeps its origin and its expiry.
        overage: what the source owes; the target pays it as far as it can, and owes the rest.
        used: what the source used of its allowance in this period, and the target is charged with.
        lapsed: allowance of the source that nobody can use any more.
        held: what requests in flight of the source hold: they end there, and it keeps so much for them.
        kept_credits: credits that stay for these requests; what they leave moves some minutes after they have ended.
        requests: requests for credits that wait for a decision, which is for the target now.
    """

    credits: int
    overage: int
    used: int
    lapsed: int
    held: int
    kept_credits: int
    requests: int


@dataclass(frozen=True, slots=True)
class MergeResult:
    """Outcome of a merge, or what it would be.

    Attributes:
        replayed: this key did it before; nothing changed now.
    """

    moved: Moved
    replayed: bool


class Merges:
    """Merges accounts: each call is one statement and one transaction."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def merge(self, merge: Merge, *, dry_run: bool = False) -> MergeResult:
        """Merge two accounts, or tell what would happen. Audited.

        Raises:
            NotFoundError: there is no such account.
            InvalidRequestError: it is the same account twice, or one of them is a team's, whose members it would lose.
            ConflictError: one of them was merged into another before, or the key was used for another merge.
        """
        if is_team(merge.source) or is_team(merge.target):
            raise InvalidRequestError("The account of a team cannot be merged: its use is its members'.")
        row = await self._statements.one(
            "merge_accounts",
            {
                "source": merge.source,
                "target": merge.target,
                "move_use": merge.move_use,
                "dry_run": dry_run,
                "reason": merge.reason,
                "actor": merge.actor,
                "key": merge.idempotency_key,
                "now": self._clock(),
            },
        )
        return MergeResult(Moved(**row["moved"]), row["replayed"])

    async def finish(self, *, limit: int = 100) -> int:
        """Move what requests of merged accounts left when they ended. Returns how many accounts were looked at."""
        for done in range(limit):
            row = await self._statements.one("finish_merge", {"now": self._clock()})
            if row["account_id"] is None:
                return done
        return limit
