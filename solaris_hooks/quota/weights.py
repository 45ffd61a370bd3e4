"""What a token of each model weighs: the factor from a provider's tokens to booked tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from fnmatch import fnmatchcase

from solaris_hooks.quota.usage import Usage

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Weights:
    """Booked tokens for each token of the provider: exact decimals, none negative."""

    input: Decimal = ONE
    cached_input: Decimal = ONE
    output: Decimal = ONE
    _factors: tuple[Decimal, Decimal, Decimal] | tuple[int, int, int] = field(init=False, repr=False, compare=False)
    """Whole numbers where all of them are: most are 1, and each request is reckoned several times."""

    def __post_init__(self) -> None:
        """Keep the factors."""
        exact = (self.input, self.cached_input, self.output)
        whole = all(each == each.to_integral_value() for each in exact)
        factors = (int(self.input), int(self.cached_input), int(self.output)) if whole else exact
        object.__setattr__(self, "_factors", factors)

    def charge(self, usage: Usage) -> int:
        """Booked tokens for the use of one call, rounded up once.

        The sum is exact and only then rounded: three roundings would charge up to two
        tokens too many for every call.
        """
        uncached, cached, output = self._factors
        return _rounded_up(
            (usage.input_tokens - usage.cached_input_tokens) * uncached
            + usage.cached_input_tokens * cached
            + usage.output_tokens * output
        )

    def most(self, *, input_tokens: int, output_tokens: int) -> int:
        """Booked tokens of a prompt of which nobody knows how much is cached, and of its answer, rounded up once."""
        uncached, cached, output = self._factors
        return _rounded_up(input_tokens * max(uncached, cached) + output_tokens * output)


def _rounded_up(exact: Decimal | int) -> int:
    return exact if isinstance(exact, int) else int(exact.to_integral_value(rounding=ROUND_CEILING))


DEFAULT_WEIGHTS = Weights()


class WeightTable:
    """Weights by glob pattern over the model's public name; the first match in order wins."""

    def __init__(self, patterns: Mapping[str, Weights]) -> None:
        """Keep the patterns, in order (``gpt-4o*``, ``anthropic/*``, ...)."""
        self._patterns = tuple(patterns.items())

    @property
    def patterns(self) -> Mapping[str, Weights]:
        """What the table was made of, in order."""
        return dict(self._patterns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeightTable) and self._patterns == other._patterns

    def __hash__(self) -> int:
        return hash(self._patterns)

    def __repr__(self) -> str:
        return f"WeightTable({self.patterns!r})"

    def of(self, model: str) -> Weights:
        """Weights of a model; 1 for everything where no pattern matches."""
        for pattern, weights in self._patterns:
            if fnmatchcase(model, pattern):
                return weights
        return DEFAULT_WEIGHTS
