"""What use costs whoever runs the service: money, exact decimals, apart from what users are charged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase

from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.usage import Usage

_MILLION = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Used:
    """What was used of one model.

    Attributes:
        usage: the provider's tokens.
        units: of calls that are paid by the unit: how many of each.
    """

    model: str
    usage: Usage
    units: Mapping[Unit, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Costs:
    """Money for a million tokens of the provider each.

    Attributes:
        units: money for one of each unit, of calls that are paid by it; what is left out is not known.
    """

    input: Decimal
    cached_input: Decimal
    output: Decimal
    units: Mapping[Unit, Decimal] = field(default_factory=dict)

    def of(self, used: Used) -> Money:
        """What a use costs, exactly: nothing is rounded."""
        usage = used.usage
        uncached = usage.input_tokens - usage.cached_input_tokens
        per_million = (
            uncached * self.input + usage.cached_input_tokens * self.cached_input + usage.output_tokens * self.output
        )
        counted = {unit: amount for unit, amount in used.units.items() if amount}
        known = counted.keys() & self.units.keys()
        complete = known == counted.keys()
        if not (complete or known or usage.input_tokens or usage.output_tokens):
            return Money(None, complete=False)
        by_unit = sum((counted[unit] * self.units[unit] for unit in known), Decimal(0))
        return Money(per_million * _MILLION + by_unit, complete)


@dataclass(frozen=True, slots=True)
class Money:
    """An estimate of what some use cost.

    Attributes:
        amount: of what has a cost; None where nothing has.
        complete: whether all of it has.
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

    def total(self, used: Iterable[Used]) -> Money:
        """What the use of some models costs.

        Args:
            used: by model; the same model may come more than once.
        """
        amount, complete = None, True
        for each in used:
            costs = self.of(each.model)
            money = Money(None, complete=False) if costs is None else costs.of(each)
            complete = complete and money.complete
            if money.amount is not None:
                amount = (amount or Decimal(0)) + money.amount
        return Money(amount, complete)


NO_COSTS = CostTable({}, currency="USD")
