"""What one member of a team may use of what his team has."""

from __future__ import annotations

from dataclasses import dataclass

from solaris_hooks.quota.ids import MemberId

MARKS = (100, 95, 80)
"""Percent of his limit at which a member is told; the highest first."""


@dataclass(frozen=True, slots=True)
class Share:
    """A member's figures in his team's present period, in booked (weighted) tokens.

    Attributes:
        limit: what he may use in a period; None for all that his team has.
        used: what he has used in it.
        held: what his requests in flight hold, of whichever period.
        told_percent: the highest of ``MARKS`` that the chat has told him of; 100 also where it tells nothing.
    """

    member_id: MemberId
    limit: int | None = None
    used: int = 0
    held: int = 0
    told_percent: int = 0

    @property
    def left(self) -> int | None:
        """What his limit leaves, held tokens included; below 0 where he has used more; None without a limit."""
        return None if self.limit is None else self.limit - self.used

    def spendable(self, of_team: int) -> int:
        """What he can use, held tokens included, where his team can use so much."""
        return of_team if self.limit is None else min(of_team, self.limit - self.used)

    def available(self, of_team: int) -> int:
        """What a new request of his can hold where his team has so much available."""
        return of_team if self.limit is None else min(of_team, max(0, self.limit - self.used - self.held))

    def allows(self, amount: int) -> bool:
        """Whether one request could hold more than this if no other of his did."""
        return self.limit is None or self.limit - self.used > amount

    @property
    def use_percent(self) -> int:
        """Use in whole percent of his limit, rounded down; 0 without a limit, 100 where it is 0."""
        if self.limit is None:
            return 0
        return 100 * self.used // self.limit if self.limit else 100

    @property
    def untold(self) -> int | None:
        """The mark that he has reached and was not told of; None where there is none."""
        mark = next((mark for mark in MARKS if self.use_percent >= mark), 0)
        return mark if mark > self.told_percent else None
