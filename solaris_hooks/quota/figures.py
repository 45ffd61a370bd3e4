"""An account's figures and what the rules write about them: plain values, no identity, no I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from solaris_hooks.quota.period import Period
from solaris_hooks.quota.terms import NO_STANDING, NO_TERMS, Standing, Terms

_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)

PostingKind = Literal[
    "opening",
    "renewal",
    "lapse",
    "usage",
    "overage",
    "credit",
    "credit_expiry",
    "credit_revocation",
    "plan_change",
    "reset",
]
"""What a posting says; the same words as the ledger's entries."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of credits granted at one time.

    Attributes:
        remaining: unused tokens, not below 0.
        expires_at: first instant at which they can no longer be used, UTC; None for never.
    """

    lot_id: UUID
    remaining: int
    created_at: dt.datetime
    expires_at: dt.datetime | None

    @property
    def turn(self) -> tuple[dt.datetime, dt.datetime, UUID]:
        """Order of use: the earliest to expire, lots that never do last; then the oldest; then the id."""
        return (self.expires_at or _NEVER, self.created_at, self.lot_id)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the rules know of an account. All tokens are booked (weighted).

    Attributes:
        plan_id: the plan whose monthly tokens the account gets.
        time_zone: IANA name of the zone in which its months begin.
        anchor_day: day of the month of the renewal, 1 to 31.
        period: the month the allowance is for.
        allowance_granted: allowance of this period.
        allowance_used: part of it that is used.
        credits_used: tokens taken from credit lots in this period.
        held: tokens held by requests in flight.
        overage: use beyond what was available, still owed.
        lots: credit lots, used up ones included or not.
        entries: how many entries the account's ledger has.
        monthly_tokens: what the account was granted a month when that was last looked at; None for not yet.
        terms: what holds for it beside its tokens.
        standing: what these follow from.
    """

    plan_id: str
    time_zone: str
    anchor_day: int
    period: Period
    allowance_granted: int
    allowance_used: int = 0
    credits_used: int = 0
    held: int = 0
    overage: int = 0
    lots: tuple[Lot, ...] = ()
    entries: int = 0
    monthly_tokens: int | None = None
    terms: Terms = NO_TERMS
    standing: Standing = NO_STANDING

    @property
    def allowance_left(self) -> int:
        """Allowance granted and not used."""
        return self.allowance_granted - self.allowance_used

    @property
    def credits_remaining(self) -> int:
        """Unused tokens of all credit lots."""
        return sum(lot.remaining for lot in self.lots)

    @property
    def remaining(self) -> int:
        """Tokens granted and not used, held ones included."""
        return self.allowance_left + self.credits_remaining

    @property
    def spendable(self) -> int:
        """Tokens that can be used, held ones included: what remains, and what is left of the overdraft."""
        return self.remaining + self.terms.overdraft - self.overage

    @property
    def available(self) -> int:
        """Tokens that a new request can hold."""
        return max(0, self.spendable - self.held)


@dataclass(frozen=True, slots=True)
class Posting:
    """One line that a rule wants in the ledger.

    Attributes:
        tokens: what it adds to allowance left + credits - overage.
        allowance_after: allowance left after it.
        key: what keeps it from being written twice, unique for the account.
        details: further facts; JSON values only.
    """

    kind: PostingKind
    tokens: int
    allowance_after: int
    credits_after: int
    overage_after: int
    key: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Step:
    """What a rule made of an account: its figures now, and the postings that led there."""

    figures: Figures
    postings: tuple[Posting, ...] = ()
