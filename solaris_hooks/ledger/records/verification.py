"""What recomputing the books finds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from solaris_hooks.quota.ids import AccountId


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in the books that cannot be true.

    Attributes:
        entry: number of the entry at fault; None where the flaw is the account's own figures.
    """

    account_id: AccountId
    entry: int | None
    message: str


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """What the comparison with one signed checkpoint found; its flaws are among those of the verification.

    Attributes:
        number: the checkpoint's.
        taken_at: when it was taken.
        accounts: how many of its accounts were compared.
        differing: how many of these are not as they were.
        known: whether the books list it. Books that were restored from an older backup do not.
    """

    number: int
    taken_at: dt.datetime
    accounts: int
    differing: int
    known: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of recomputing the books.

    Attributes:
        accounts: how many were recomputed.
        entries: how many were recomputed.
        flaws: what cannot be true.
        more_flaws: how many were found beyond those in ``flaws``.
        checkpoints: what was compared beside.
    """

    accounts: int
    entries: int
    flaws: Sequence[Flaw]
    more_flaws: int = 0
    checkpoints: Sequence[CheckpointResult] = ()

    @property
    def ok(self) -> bool:
        """Whether no flaw was found."""
        return not self.flaws
