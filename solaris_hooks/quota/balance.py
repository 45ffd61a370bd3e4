"""An account's balance at one moment, and what follows from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.period import Period
from solaris_hooks.quota.share import Share
from solaris_hooks.quota.terms import NO_TERMS, Terms


class Status(StrEnum):
    """What an administrator has said about an account."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    PENDING = "pending"


class State(StrEnum):
    """How much of what was granted is used : the marks are 80, 95 and 100 percent."""

    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"
    EXHAUSTED = "exhausted"


_MARKS = ((100, State.EXHAUSTED), (95, State.CRITICAL), (80, State.WARNING))


def state_of(use_percent: int) -> State:
    """State at a use in whole percent, rounded down."""
    return next((state for mark, state in _MARKS if use_percent >= mark), State.NORMAL)


@dataclass(frozen=True, slots=True)
class Balance:
    """All figures of an account at one moment, in booked (weighted) tokens.

    Attributes:
        period: the month the allowance is for.
        allowance_granted: allowance of this period.
        allowance_used: part of it that is used.
        credits_remaining: unused tokens of all credit lots that have not expired.
        credits_used: tokens taken from credit lots in this period.
        held: tokens held by requests in flight. Held is not used.
        overage: use beyond what was granted, still owed; taken from the next grant.
        terms: what holds for the account beside its tokens.
        share: of the team's member who asks; None where the account is no team's, or nobody asks. All other figures
            are the team's; what can be used is the lesser of both.
    """

    account_id: AccountId
    status: Status
    status_reason: str | None
    plan_id: str
    locale: str
    time_zone: str
    period: Period
    allowance_granted: int
    allowance_used: int
    credits_remaining: int
    credits_used: int
    held: int
    overage: int
    terms: Terms = NO_TERMS
    share: Share | None = None

    @property
    def remaining(self) -> int:
        """Tokens granted and not used, held ones included."""
        return self.allowance_granted - self.allowance_used + self.credits_remaining

    @property
    def available(self) -> int:
        """Tokens that a new request can hold: spendable less held, never below 0."""
        return self.available_to_all if self.share is None else self.share.available(self.available_to_all)

    @property
    def spendable(self) -> int:
        """Tokens that can be used, held ones included: what remains, and what is left of the overdraft.

        Below 0 where more is owed than the overdraft allows. A member of a team has no more than his limit leaves.
        """
        return self.spendable_by_all if self.share is None else self.share.spendable(self.spendable_by_all)

    @property
    def left(self) -> int:
        """The same for people to read: never below 0."""
        return max(0, self.spendable)

    @property
    def spendable_by_all(self) -> int:
        """Tokens that the account can use, whoever asks."""
        return self.remaining + self.terms.overdraft - self.overage

    @property
    def available_to_all(self) -> int:
        """Tokens that a new request of one without a limit can hold."""
        return max(0, self.spendable_by_all - self.held)

    @property
    def used(self) -> int:
        """Tokens used in this period, overage included."""
        return self.allowance_used + self.credits_used + self.overage

    @property
    def limit(self) -> int:
        """Tokens granted for this period: the allowance, and the credits used in it or still there."""
        return self.allowance_granted + self.credits_used + self.credits_remaining

    @property
    def use_percent(self) -> int:
        """Use in whole percent of the limit, rounded down; 100 where nothing was granted."""
        return 100 * self.used // self.limit if self.limit else 100

    @property
    def state(self) -> State:
        """Normal, warning, critical or exhausted."""
        return state_of(self.use_percent)

    @property
    def renews_at(self) -> dt.datetime:
        """When the allowance renews, UTC."""
        return self.period.end
