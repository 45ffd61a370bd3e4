"""Failed attempts, counted in this process: for when the books that else count them cannot be reached."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_SOURCES = 10_000
"""Of which attempts are known; the oldest are forgotten first."""


class Attempts:
    """Counts failures by where they came from, within some time."""

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep for how long a failure counts, and a clock (seconds)."""
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[str, list[float]] = OrderedDict()

    def failed(self, source: str) -> int:
        """Count one more. Returns how many there were lately."""
        times = [*self._lately(source), self._clock()]
        self._known[source] = times
        self._known.move_to_end(source)
        while len(self._known) > MOST_SOURCES:
            self._known.popitem(last=False)
        return len(times)

    def failures(self, source: str) -> int:
        """How many there were lately."""
        return len(self._lately(source))

    def _lately(self, source: str) -> list[float]:
        since = self._clock() - self._seconds
        return [each for each in self._known.get(source, ()) if each > since]
