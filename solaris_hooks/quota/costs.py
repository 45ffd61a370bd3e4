"""What tokens cost whoever runs the service: money, exact decimals, apart from what users are charged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from solaris_hooks.quota.usage import Usage

_MILLION = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Costs:
    """Money for a million tokens of the provider each."""

    input: Decimal
    cached_input: Decimal
    output: Decimal

    def of(self, usage: Usage) -> Decimal:
        """What a use costs, exactly: nothing is rounded."""
        uncached = usage.input_tokens - usage.cached_input_tokens
        per_million = (
            uncached * self.input + usage.cached_input_tokens * self.cached_input + usage.output_tokens * self.output
        )
        return per_million * _MILLION


@dataclass(frozen=True, slots=True)
class Money:
    """An estimate of what some use cost.

    Attributes:
        amount: of the models that have costs; None where none of them has.
        complete: whether all of them have.
    """

    amount: Decimal | None
    complete: bool


class CostTable:
    """Costs by glob pattern over the model's public name; the first match in order wins."""

    def __init__(self, patterns: Mapping[str, Costs], *, currency: str) -> None:
        """Keep the patterns, in order.

        Args:
            patterns: none of them: nothing is known of any cost.
            currency: ISO 4217, of all costs.
        """
        self._patterns = tuple(patterns.items())
        self.currency = currency

    def __bool__(self) -> bool:
        """Whether any cost is known."""
        return bool(self._patterns)

    def of(self, model: str) -> Costs | None:
        """Costs of a model; None where no pattern matches."""
        return next((costs for pattern, costs in self._patterns if fnmatchcase(model, pattern)), None)

    def total(self, used: Iterable[tuple[str, Usage]]) -> Money:
        """What the use of some models costs.

        Args:
            used: by model; the same model may come more than once.
        """
        amount, complete = None, True
        for model, usage in used:
            costs = self.of(model)
            if costs is None:
                complete = False
            else:
                amount = (amount or Decimal(0)) + costs.of(usage)
        return Money(amount, complete)


NO_COSTS = CostTable({}, currency="USD")
