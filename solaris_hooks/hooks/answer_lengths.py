"""What all processes know of the lengths of answers, and what this one has learned since they last spoke."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from solaris_hooks.ledger.lengths import LengthCount, LengthKind
from solaris_hooks.quota.lengths import Lengths, bucket_of

if TYPE_CHECKING:
    from solaris_hooks.ledger.port import LengthBook

LEAST_ANSWERS = 50
"""Fewer say nothing about the longest ones."""

STREAM_PER_MILLE = 950
"""A stream that gets longer can have its hold grow; so one in 20 may."""

WHOLE_PER_MILLE = 999
WHOLE_FACTOR = 2
"""An answer in one piece cannot: what only one in 1,000 exceeds, twice."""

RATIO_PER_MILLE = 999
MOST_PERCENT = 1000

COMPARED_ONE_IN = 32
"""So many prompts are counted for nothing but to compare our count with the provider's."""

ENOUGH_RATIOS = 1_000
COMPARED_LATER_ONE_IN = 512
"""Counting a long chat takes milliseconds of the processor: few are counted once the ratio of a model is known."""

LEAST_SLIPS = 3
SLIPS_IN = 100
"""A model obeys no cap if this many answers, and one in so many, were longer than allowed."""

MOST_MODELS = 1000
"""Wildcard deployments let clients choose names: a bound, so that they cannot fill the memory."""


class AnswerLengths:
    """Sizes of holds, learned from settlements."""

    def __init__(self, book: LengthBook, *, margin_percent: int, learns: bool = True) -> None:
        """Know nothing yet; :meth:`exchange` asks the books.

        Args:
            book: shared with all processes.
            learns: False leaves all sizes to limits and the margin.
            margin_percent: how far providers' counts may be above ours, where nothing is known of a model.
        """
        self._book = book
        self._margin_percent = margin_percent
        self._learns = learns
        self._known: dict[tuple[str, LengthKind], Lengths] = {}
        self._fresh: Counter[tuple[str, LengthKind, int]] = Counter()

    def learn(self, model: str, kind: LengthKind, amount: int) -> None:
        """Count one answer's tokens."""
        self._count(model, kind, bucket_of(amount))

    def learn_ratio(self, model: str, *, counted: int, reported: int) -> None:
        """Compare our count of a prompt with the provider's. Both in tokens."""
        self._count(model, LengthKind.PROMPT, min(-(-100 * reported // counted), MOST_PERCENT))

    def usual(self, model: str, *, stream: bool) -> int | None:
        """Output tokens to hold for an answer of a model; None where too little is known.

        Args:
            model: its public name.
            stream: whether its hold can grow while it runs.
        """
        if stream:
            return self._quantile(model, LengthKind.STREAM, STREAM_PER_MILLE)
        longest = self._quantile(model, LengthKind.WHOLE, WHOLE_PER_MILLE)
        return None if longest is None else longest * WHOLE_FACTOR

    def percent(self, model: str) -> int:
        """What a model's provider counts at the most, in percent of our own count; never below 100."""
        ratios = self._known.get((model, LengthKind.PROMPT))
        found = ratios.bucket_at(RATIO_PER_MILLE) if ratios is not None and len(ratios) >= LEAST_ANSWERS else None
        return 100 + self._margin_percent if found is None else max(100, found)

    def wants_to_compare(self, model: str, number: int) -> bool:
        """Whether a prompt is to be counted only to learn from it.

        Args:
            model: its public name.
            number: a random one.
        """
        known = self._total(model, LengthKind.PROMPT) >= ENOUGH_RATIOS
        return self._learns and number % (COMPARED_LATER_ONE_IN if known else COMPARED_ONE_IN) == 0

    def obeys_caps(self, model: str) -> bool:
        """Whether a model's answers stay within what their requests allow, but for rare slips."""
        beyond = self._total(model, LengthKind.BEYOND_CAP)
        others = self._total(model, LengthKind.STREAM) + self._total(model, LengthKind.WHOLE)
        return beyond < LEAST_SLIPS or beyond * SLIPS_IN < others

    async def exchange(self) -> None:
        """Tell the books what is new, and hear what other processes have learned.

        Raises:
            LedgerError: the books cannot be reached; what is new is kept for the next time.
        """
        if not self._learns:
            return
        fresh = [LengthCount(model, kind, bucket, count) for (model, kind, bucket), count in self._fresh.items()]
        sent, self._fresh = self._fresh, Counter()
        try:
            rows = await self._book.exchange_lengths(fresh)
        except BaseException:
            self._fresh.update(sent)
            raise
        known: dict[tuple[str, LengthKind], Lengths] = {}
        for each in rows:
            known.setdefault((each.model, each.kind), Lengths()).merge({each.bucket: each.count})
        for (model, kind, bucket), count in self._fresh.items():  # counted while the books were asked
            known.setdefault((model, kind), Lengths()).merge({bucket: count})
        self._known = known

    def _count(self, model: str, kind: LengthKind, bucket: int) -> None:
        if not self._learns:
            return
        key = (model, kind)
        if key not in self._known:
            if len(self._known) >= MOST_MODELS:
                return
            self._known[key] = Lengths()
        self._known[key].count(bucket)
        self._fresh[model, kind, bucket] += 1

    def _total(self, model: str, kind: LengthKind) -> int:
        lengths = self._known.get((model, kind))
        return len(lengths) if lengths is not None else 0

    def _quantile(self, model: str, kind: LengthKind, per_mille: int) -> int | None:
        lengths = self._known.get((model, kind))
        if lengths is None or len(lengths) < LEAST_ANSWERS:
            return None
        return lengths.quantile(per_mille)
