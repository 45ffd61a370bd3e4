"""Which thresholds of use are to be announced: each once per period, and again after credits undid it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertState:
    """What was announced to an account in its period.

    Attributes:
        level: the highest threshold that was announced and still holds, whole percent; 0 for none.
        round: how often credits have undone one in this period.
    """

    level: int = 0
    round: int = 0

    def crossed(self, thresholds: Sequence[int], use_percent: int) -> tuple[int, ...]:
        """Thresholds that use has reached and that were not announced, lowest first; the last one is announced."""
        return tuple(sorted(mark for mark in thresholds if self.level < mark <= use_percent))

    def rearmed(self, thresholds: Sequence[int], use_percent: int) -> AlertState:
        """The state after more was granted: thresholds that hold no longer can be crossed again."""
        level = max((mark for mark in thresholds if mark <= use_percent), default=0)
        return AlertState(level, self.round + 1) if level < self.level else self
