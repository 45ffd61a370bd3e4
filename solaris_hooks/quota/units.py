"""Prices of what is not counted in tokens: booked tokens for each image, second, character or call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from fnmatch import fnmatchcase


class Unit(StrEnum):
    """What a call without tokens is measured by."""

    IMAGE = "image"
    SECOND = "second"
    CHARACTER = "character"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class UnitUse:
    """What a call uses, in units.

    Attributes:
        amounts: how much of each unit; each that has a price costs.
        exact: False where an amount was bounded by us and the provider reported none.
    """

    amounts: Mapping[Unit, Decimal]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Priced:
    """A use in units with its price.

    Attributes:
        charge: booked tokens, rounded up once.
        amounts: of the units that have a price, by their names.
        prices: booked tokens for one of each, by their names.
    """

    charge: int
    amounts: Mapping[str, str]
    prices: Mapping[str, str]


class UnitPrices:
    """Prices by glob pattern over the model's public name; the first match in order wins."""

    def __init__(self, patterns: Mapping[str, Mapping[Unit, Decimal]]) -> None:
        """Keep the patterns, in order."""
        self._patterns = tuple(patterns.items())

    def price(self, model: str, use: UnitUse) -> Priced | None:
        """What a use costs; None where no unit of it has a price with this model. A price of 0 is a price."""
        prices = next((prices for pattern, prices in self._patterns if fnmatchcase(model, pattern)), {})
        priced = [unit for unit in use.amounts if unit in prices]
        if not priced:
            return None
        exact = sum((use.amounts[unit] * prices[unit] for unit in priced), Decimal(0))
        return Priced(
            charge=int(exact.to_integral_value(rounding=ROUND_CEILING)),
            amounts={unit.value: format(use.amounts[unit], "f") for unit in priced},
            prices={unit.value: format(prices[unit], "f") for unit in priced},
        )
