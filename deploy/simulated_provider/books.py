"""The provider's own books: what it reported as served, and what it was asked."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from .directive import Directive
from .served import Missing, Tokens, Units

KEPT_REQUESTS = 1_000
"""How many of the last bodies are kept."""


@dataclass(slots=True)
class Tally:
    """Totals, of everything, of one route or of one label.

    Attributes:
        received: requests that arrived.
        in_flight: those not ended yet.
        requests: answers sent to their end with usable usage; the tokens are theirs.
        prompt_tokens: as reported, cached ones included.
        completion_tokens: as reported, reasoning included.
        total_tokens: as reported.
        cached_tokens: those of the prompts that were read from a cache.
        cache_creation_tokens: those of the prompts that were written to a cache.
        reasoning_tokens: those of the completions that are reasoning.
        images: images drawn, whether or not tokens were reported with them.
        seconds: whole seconds of audio heard, likewise.
        characters: characters spoken, likewise.
        search_units: search units billed, likewise.
        unreported: answers sent to their end without usage.
        unusable_usage: answers whose usage lacked a figure, or had one that is not a whole number from 0 up.
        errors: requests answered with an error.
        unfinished_streams: streams that broke off, or whose client left.
        unfinished_pieces: the pieces that those had sent.
        unfinished_answers: the same for answers that are not streams.
    """

    received: int = 0
    in_flight: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0
    images: int = 0
    seconds: int = 0
    characters: int = 0
    search_units: int = 0
    unreported: int = 0
    unusable_usage: int = 0
    errors: int = 0
    unfinished_streams: int = 0
    unfinished_pieces: int = 0
    unfinished_answers: int = 0

    def add(self, **amounts: int) -> None:
        """Add to the totals named."""
        for name, amount in amounts.items():
            setattr(self, name, getattr(self, name) + amount)


class Visit:
    """One request's lines in the books; those of a reset's past are no longer read."""

    def __init__(self, *tallies: Tally) -> None:
        """Write to all these tallies."""
        self._tallies = tallies

    def add(self, **amounts: int) -> None:
        """Add to the totals named, in every tally of the request."""
        for tally in self._tallies:
            tally.add(**amounts)

    def served(self, receipt: Tokens | Missing, units: Units) -> None:
        """Book an answer sent to its end, with what its usage said and what it is made of."""
        if isinstance(receipt, Missing):
            self.add(**{receipt.value: 1})
        else:
            self.add(requests=1, **asdict(receipt))
        self.add(**asdict(units))

    def broke_off(self, *, stream: bool, pieces: int = 0) -> None:
        """Book an answer that did not reach its end."""
        if stream:
            self.add(unfinished_streams=1, unfinished_pieces=pieces)
        else:
            self.add(unfinished_answers=1)


class Books:
    """Everything the provider remembers. It lives in one event loop and never waits."""

    def __init__(self) -> None:
        """Open empty books."""
        self.reset()

    def reset(self) -> None:
        """Forget everything; a request still in flight will not be counted either."""
        self._total = Tally()
        self._labels: defaultdict[str, Tally] = defaultdict(Tally)
        self._routes: defaultdict[str, Tally] = defaultdict(Tally)
        self._tries: Counter[str] = Counter()
        self._bodies: deque[tuple[str | None, Any]] = deque(maxlen=KEPT_REQUESTS)

    @contextmanager
    def visit(self, route: str, body: object, label: str | None) -> Iterator[Visit]:
        """Book a request's arrival, keep its body, and book that it ended."""
        self._bodies.append((label, body))
        labelled = [] if label is None else [self._labels[label]]
        visit = Visit(self._total, self._routes[route], *labelled)
        visit.add(received=1, in_flight=1)
        try:
            yield visit
        finally:
            visit.add(in_flight=-1)

    def refuse(self, route: str, body: object) -> None:
        """Book a request that made no sense; its body, if it could be read, is kept too."""
        Visit(self._total, self._routes[route]).add(received=1, errors=1)
        if body is not None:
            self._bodies.append((None, body))

    def failure_of(self, directive: Directive) -> int | None:
        """Count a try, and give the HTTP status it has to fail with, if it has to."""
        if directive.fail_times is None or directive.id is None:
            return directive.status
        self._tries[directive.id] += 1
        return directive.status if self._tries[directive.id] <= directive.fail_times else None

    def totals(self) -> dict[str, Any]:
        """Give the totals, under ``labels`` those of each label, under ``routes`` those of each route."""
        labels = {label: asdict(tally) for label, tally in self._labels.items()}
        routes = {route: asdict(tally) for route, tally in self._routes.items()}
        return asdict(self._total) | {"labels": labels, "routes": routes}

    def last_bodies(self, limit: int, label: str | None = None) -> list[Any]:
        """Give the last bodies received, oldest first, of one label if it is named."""
        bodies = [body for of, body in self._bodies if label is None or of == label]
        return bodies[-limit:]
