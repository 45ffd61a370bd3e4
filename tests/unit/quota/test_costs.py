"""What use costs: exact, and honest about what is not known."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.costs import NO_COSTS, Costs, CostTable, Money
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
    assert TABLE.total([("gpt-4o-mini", usage)]) == Money(Decimal("3.0"), complete=True)


def test_the_first_pattern_that_matches_wins() -> None:
    assert TABLE.of("gpt-4o") == Costs(Decimal("2.5"), Decimal("1.25"), Decimal(10))
    assert TABLE.of("other") == Costs(Decimal("0.1"), Decimal("0.1"), Decimal("0.3"))


def test_a_model_without_a_cost_makes_the_sum_incomplete() -> None:
    table = CostTable({"known": Costs(Decimal(1), Decimal(1), Decimal(1))}, currency="BRL")
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    assert table.total([("known", usage), ("other", usage)]) == Money(Decimal(1), complete=False)
    assert table.total([("other", usage)]) == Money(None, complete=False)


def test_without_costs_there_is_no_amount() -> None:
    assert not NO_COSTS
    assert NO_COSTS.total([]) == Money(None, complete=True)


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=20))
def test_the_sum_of_parts_is_the_cost_of_the_sum(parts: list[int]) -> None:
    each = [("x", Usage(input_tokens=part, output_tokens=part)) for part in parts]
    whole = [("x", Usage(input_tokens=sum(parts), output_tokens=sum(parts)))]
    assert TABLE.total(each) == TABLE.total(whole)
