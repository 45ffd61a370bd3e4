"""Weights: exact decimals, rounded up once for each call."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.usage import MAX_REPORTED_TOKENS, Usage
from solaris_hooks.quota.weights import DEFAULT_WEIGHTS, Weights, WeightTable

weight = st.decimals(min_value=0, max_value=1000, places=6, allow_nan=False, allow_infinity=False)
weights = st.builds(Weights, weight, weight, weight)
count = st.integers(0, MAX_REPORTED_TOKENS)
usages = st.builds(lambda uncached, cached, output: Usage(uncached + cached, output, cached), count, count, count)


def _exact(of: Weights, usage: Usage) -> Fraction:
    return (
        Fraction(of.input) * (usage.input_tokens - usage.cached_input_tokens)
        + Fraction(of.cached_input) * usage.cached_input_tokens
        + Fraction(of.output) * usage.output_tokens
    )


@given(weights, usages)
def test_a_charge_is_the_exact_sum_rounded_up_once(of: Weights, usage: Usage) -> None:
    assert of.charge(usage) == ceil(_exact(of, usage))


@given(weights, usages, st.integers(0, 1000), st.integers(0, 1000))
def test_more_use_never_costs_less(of: Weights, usage: Usage, more_input: int, more_output: int) -> None:
    more = Usage(usage.input_tokens + more_input, usage.output_tokens + more_output, usage.cached_input_tokens)
    assert of.charge(more) >= of.charge(usage)


@given(weights, weights, usages)
def test_greater_weights_never_cost_less(one: Weights, more: Weights, usage: Usage) -> None:
    greater = Weights(one.input + more.input, one.cached_input + more.cached_input, one.output + more.output)
    assert one.charge(usage) <= greater.charge(usage)


@given(weights, usages, usages)
def test_two_calls_cost_at_most_one_token_more_than_one(of: Weights, one: Usage, other: Usage) -> None:
    both = Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_input_tokens + other.cached_input_tokens,
    )
    assert 0 <= of.charge(one) + of.charge(other) - of.charge(both) <= 1


@given(usages)
def test_without_weights_a_token_is_a_token(usage: Usage) -> None:
    assert DEFAULT_WEIGHTS.charge(usage) == usage.input_tokens + usage.output_tokens


def test_the_conversion_factor_of_the_business_can_be_said() -> None:
    factor = Decimal("0.376")
    assert Weights(factor, factor, factor).charge(Usage(1000, 1000)) == 752
    assert Weights(factor, factor, factor).charge(Usage(1, 0)) == 1


def test_what_costs_anything_costs_at_least_one_token() -> None:
    assert Weights(Decimal("0.000001"), Decimal(0), Decimal(0)).charge(Usage(1, 0)) == 1
    assert Weights(Decimal(0), Decimal(0), Decimal(0)).charge(Usage(9, 9)) == 0


def test_a_cached_token_is_not_charged_as_a_fresh_one() -> None:
    of = Weights(input=Decimal(10), cached_input=Decimal(1), output=Decimal(0))
    assert of.charge(Usage(input_tokens=100, output_tokens=0, cached_input_tokens=60)) == 460


def test_the_first_pattern_that_matches_decides() -> None:
    cheap, dear, rest = (Weights(output=Decimal(n)) for n in (1, 2, 3))
    table = WeightTable({"gpt-4o-mini*": cheap, "gpt-4o*": dear, "anthropic/*": rest})
    assert table.of("gpt-4o-mini-2024") is cheap
    assert table.of("gpt-4o") is dear
    assert table.of("anthropic/claude") is rest
    assert table.of("GPT-4o") is DEFAULT_WEIGHTS, "names have their case"
    assert WeightTable({}).of("gpt-4o") is DEFAULT_WEIGHTS
