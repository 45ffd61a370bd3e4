"""How long answers really get: counts in buckets, from which holds are sized."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

MOST_TOKENS = 100_000_000
"""Longer than any answer; everything above falls into the last bucket."""


def _bounds() -> tuple[int, ...]:
    bounds = [8]
    while bounds[-1] < MOST_TOKENS:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 119 // 100))
    return tuple(bounds)


STALE_ONE_IN = 256
"""A quantile is looked for anew once so much of the lengths is new: fewer move it by less than the buckets' width."""

BOUNDS = _bounds()
"""The most tokens of each bucket: each about 2 ** (1/4) times the one before, so that a quantile read
from the buckets is at most 19 % above the true one, and never below."""


def bucket_of(tokens: int) -> int:
    """Index of the bucket that a length falls into."""
    return min(bisect_left(BOUNDS, tokens), len(BOUNDS) - 1)


class Lengths:
    """A histogram of lengths, which forgets nothing by itself: whoever keeps it halves it now and then."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        """Begin with counts by bucket, or with none."""
        self._counts: Counter[int] = Counter(counts or {})
        self._total = self._counts.total()
        self._found: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        """How many lengths were counted."""
        return self._total

    def add(self, tokens: int) -> None:
        """Count one length."""
        self.count(bucket_of(tokens))

    def count(self, bucket: int) -> None:
        """Count one length by its bucket."""
        self._counts[bucket] += 1
        self._total += 1

    def merge(self, counts: Mapping[int, int]) -> None:
        """Add counts by bucket."""
        self._counts.update(counts)
        self._total += sum(counts.values())

    @property
    def counts(self) -> Mapping[int, int]:
        """Counts by bucket."""
        return self._counts

    def bucket_at(self, per_mille: int) -> int | None:
        """The bucket that this share of the lengths does not exceed; None where nothing was counted.

        What was found is kept until one length in ``STALE_ONE_IN`` is new: every request asks several times.

        Args:
            per_mille: the share, 1 to 1000.
        """
        if not self._total:
            return None
        total, bucket = self._found.get(per_mille, (0, 0))
        if (self._total - total) * STALE_ONE_IN >= self._total:
            bucket = self._look_for(per_mille)
            self._found[per_mille] = self._total, bucket
        return bucket

    def quantile(self, per_mille: int) -> int | None:
        """Tokens that this share of the lengths does not exceed; None where nothing was counted."""
        bucket = self.bucket_at(per_mille)
        return None if bucket is None else BOUNDS[bucket]

    def _look_for(self, per_mille: int) -> int:
        rank = -(-self._total * per_mille // 1000)
        seen = 0
        buckets = sorted(self._counts.items())
        for bucket, count in buckets:
            seen += count
            if seen >= rank:
                return bucket
        return buckets[-1][0]
