"""Medians, percentiles, and the ratio of two contenders that took turns."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that this percentage of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two contenders, block by block; blocks in the same place ran one after the other."""

    base: Sequence[float]
    other: Sequence[float]

    @property
    def base_median(self) -> float:
        """The median block of the one that is compared with."""
        return statistics.median(self.base)

    @property
    def other_median(self) -> float:
        """The median block of the one that is compared."""
        return statistics.median(self.other)

    @property
    def ratio(self) -> float:
        """How many times the base's median the other's is."""
        return self.other_median / self.base_median

    @property
    def difference(self) -> float:
        """How much the other's median is above the base's."""
        return self.other_median - self.base_median

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest ratio of two neighbouring blocks."""
        ratios = [other / base for base, other in zip(self.base, self.other, strict=True)]
        return min(ratios), max(ratios)

    def __str__(self) -> str:
        """The ratio, with its spread."""
        low, high = self.spread
        return f"**{self.ratio:.2f}** ({low:.2f}..{high:.2f})"
