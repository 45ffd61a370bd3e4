"""Prices of units: the first pattern that matches, sums rounded up once."""

from __future__ import annotations

from decimal import Decimal

from solaris_hooks.quota.units import Unit, UnitPrices, UnitUse

PRICES = UnitPrices(
    {
        "gpt-image-*": {Unit.IMAGE: Decimal("1000.25"), Unit.CALL: Decimal("0.5")},
        "free-*": {Unit.IMAGE: Decimal(0)},
        "*": {Unit.CALL: Decimal(3)},
    }
)
TWO_IMAGES = UnitUse({Unit.IMAGE: Decimal(2), Unit.CALL: Decimal(1)})


def charge(model: str, use: UnitUse) -> int | None:
    priced = PRICES.price(model, use)
    return None if priced is None else priced.charge


def test_each_unit_with_a_price_costs_and_the_sum_is_rounded_up_once() -> None:
    assert charge("gpt-image-1", TWO_IMAGES) == 2001
    assert charge("gpt-image-1", UnitUse({Unit.IMAGE: Decimal(1)})) == 1001


def test_the_first_pattern_that_matches_counts() -> None:
    assert charge("something-else", TWO_IMAGES) == 3


def test_nothing_is_a_price_and_no_price_is_none() -> None:
    assert charge("free-image", TWO_IMAGES) == 0
    assert charge("free-image", UnitUse({Unit.SECOND: Decimal(9)})) is None
    assert UnitPrices({}).price("anything", TWO_IMAGES) is None


def test_what_was_priced_is_told_in_plain_numbers() -> None:
    priced = PRICES.price("gpt-image-1", TWO_IMAGES)
    assert priced is not None
    assert dict(priced.amounts) == {"image": "2", "call": "1"}
    assert dict(priced.prices) == {"image": "1000.25", "call": "0.5"}
