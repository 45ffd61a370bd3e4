"""What use costs: exact, and honest about what is not known."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.costs import NO_COSTS, Costs, CostTable, Money, Used
from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.usage import Usage

TABLE = CostTable(
    {
        "gpt-4o*": Costs(Decimal("2.5"), Decimal("1.25"), Decimal(10)),
        "*": Costs(Decimal("0.1"), Decimal("0.1"), Decimal("0.3")),
    },
    currency="USD",
)


def test_cached_tokens_have_a_cost_of_their_own() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_input_tokens=400_000)
    assert TABLE.total([Used("gpt-4o-mini", usage)]) == Money(Decimal("3.0"), complete=True)


def test_the_first_pattern_that_matches_wins() -> None:
    assert TABLE.of("gpt-4o") == Costs(Decimal("2.5"), Decimal("1.25"), Decimal(10))
    assert TABLE.of("other") == Costs(Decimal("0.1"), Decimal("0.1"), Decimal("0.3"))


def test_a_model_without_a_cost_makes_the_sum_incomplete() -> None:
    table = CostTable({"known": Costs(Decimal(1), Decimal(1), Decimal(1))}, currency="BRL")
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    assert table.total([Used("known", usage), Used("other", usage)]) == Money(Decimal(1), complete=False)
    assert table.total([Used("other", usage)]) == Money(None, complete=False)


SPOKEN = CostTable(
    {
        "tts": Costs(Decimal(0), Decimal(0), Decimal(0), {Unit.CHARACTER: Decimal("0.000015")}),
        "images": Costs(Decimal(5), Decimal(5), Decimal(40), {Unit.IMAGE: Decimal("0.04"), Unit.CALL: Decimal(0)}),
        "tokens": Costs(Decimal(1), Decimal(1), Decimal(1)),
    },
    currency="USD",
)
NO_TOKENS = Usage(input_tokens=0, output_tokens=0)


@pytest.mark.parametrize(
    ("used", "money"),
    [
        (Used("tts", NO_TOKENS, {Unit.CHARACTER: Decimal(1001)}), Money(Decimal("0.015015"), complete=True)),
        (Used("images", NO_TOKENS, {Unit.IMAGE: Decimal(3)}), Money(Decimal("0.12"), complete=True)),
        (
            Used("images", Usage(input_tokens=0, output_tokens=10_000), {Unit.IMAGE: Decimal(1)}),
            Money(Decimal("0.44"), complete=True),
        ),
        (Used("images", NO_TOKENS, {Unit.CALL: Decimal(9)}), Money(Decimal(0), complete=True)),
        (
            Used("images", NO_TOKENS, {Unit.IMAGE: Decimal(1), Unit.SECOND: Decimal("2.5")}),
            Money(Decimal("0.04"), complete=False),
        ),
        (Used("tokens", NO_TOKENS, {Unit.IMAGE: Decimal(1)}), Money(None, complete=False)),
        (Used("tokens", NO_TOKENS, {Unit.IMAGE: Decimal(0)}), Money(Decimal(0), complete=True)),
        (
            Used("tokens", Usage(input_tokens=1_000_000, output_tokens=0), {Unit.IMAGE: Decimal(1)}),
            Money(Decimal(1), complete=False),
        ),
    ],
)
def test_units_cost_what_each_costs_and_what_has_no_cost_is_told(used: Used, money: Money) -> None:
    assert SPOKEN.total([used]) == money


def test_without_costs_there_is_no_amount() -> None:
    assert not NO_COSTS
    assert NO_COSTS.total([]) == Money(None, complete=True)


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=20))
def test_the_sum_of_parts_is_the_cost_of_the_sum(parts: list[int]) -> None:
    each = [Used("x", Usage(input_tokens=part, output_tokens=part)) for part in parts]
    whole = [Used("x", Usage(input_tokens=sum(parts), output_tokens=sum(parts)))]
    assert TABLE.total(each) == TABLE.total(whole)
