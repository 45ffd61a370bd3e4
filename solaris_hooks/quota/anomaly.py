"""Use far above an account's own pattern.

The rule: today's booked tokens are more than ``factor`` times the usual largest day, and more than
``minimum_percent`` of what the account has been granted. The usual largest day is the second
largest of the days before (56 of them by default): people have busy days, and a day as busy as two
of these is nothing unusual; but one day alone, which may have been an anomaly itself, does not make
a pattern. An account that was used on fewer than ``least_active_days`` of these days, or first used
less than ``least_days`` ago, has no pattern yet and is left alone. What the rule calls unusual
wrongly is measured in ``docs/anomalies.md``.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnomalyRule:
    """What is far above, and what is known well enough to say so.

    Attributes:
        factor: how many usual largest days are far above.
        minimum_percent: of what was granted in the period; less than that is never an anomaly.
        history_days: local days before today that make the pattern.
        least_active_days: of these, how many need use.
        least_days: how long ago the first of them with use must be: a weekly rhythm shows after two weeks.
    """

    factor: int = 4
    minimum_percent: int = 5
    history_days: int = 56
    least_active_days: int = 5
    least_days: int = 14

    def least_tokens(self, granted: int) -> int:
        """What a day must reach before it is looked at."""
        return -(-granted * self.minimum_percent // 100)

    def judge(self, today: int, days_before: Sequence[int], *, granted: int) -> Anomaly | None:
        """Whether a day's use is far above the pattern.

        Args:
            today: booked tokens of the day so far.
            days_before: booked tokens of each day before it, oldest first, yesterday last.
            granted: booked tokens that the account has in its period.

        Returns:
            What is unusual, or None.
        """
        first = next((number for number, tokens in enumerate(days_before) if tokens > 0), len(days_before))
        known = days_before[first:]
        if len(known) < self.least_days or sum(tokens > 0 for tokens in known) < max(self.least_active_days, 2):
            return None
        usual = heapq.nlargest(2, known)[1]
        if today <= self.factor * usual or today < self.least_tokens(granted):
            return None
        return Anomaly(today=today, usual=usual)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Use far above the pattern: of today, and of the usual largest day."""

    today: int
    usual: int
