"""What a request may use, and the cap that keeps it within what is held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.sizing import MAX_CHOICES, OutputRequest, Sizing, read_output_request
from solaris_hooks.quota.usage import Usage
from solaris_hooks.quota.weights import Weights

WEIGHT = st.decimals(min_value=0, max_value=5, places=3)


@given(
    prompt=st.integers(0, 10_000),
    output=st.integers(1, 10_000),
    choices=st.integers(1, 5),
    weights=st.builds(Weights, input=WEIGHT, cached_input=WEIGHT, output=WEIGHT),
    held=st.integers(0, 100_000),
    cached=st.integers(0, 10_000),
)
def test_a_capped_answer_never_costs_more_than_what_is_held(
    prompt: int, output: int, choices: int, weights: Weights, held: int, cached: int
) -> None:
    sizing = Sizing(prompt, output, choices, weights)
    assume(sizing.minimum <= held)
    cap = sizing.cap_within(held)
    assert 1 <= cap <= output
    worst = Usage(input_tokens=prompt, cached_input_tokens=min(cached, prompt), output_tokens=cap * choices)
    assert weights.charge(worst) <= max(held, 0) or weights.output == 0
    if cap < output:
        longer = Usage(input_tokens=prompt, output_tokens=(cap + 1) * choices)
        dearer = Weights(max(weights.input, weights.cached_input), weights.cached_input, weights.output)
        assert dearer.charge(longer) > held, "a longer answer would have fitted"


def test_want_and_minimum_are_rounded_up_once() -> None:
    sizing = Sizing(3, 10, 2, Weights(Decimal("0.376"), Decimal("0.1"), Decimal("0.5")))
    assert sizing.prompt_charge == 2  # 1.128
    assert sizing.minimum == 3  # 1.128 + 1.0
    assert sizing.want == 12  # 1.128 + 10.0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, OutputRequest(None, 1, ())),
        ({"max_tokens": None, "n": None}, OutputRequest(None, 1, ())),
        ({"max_tokens": 7}, OutputRequest(7, 1, ("max_tokens",))),
        (
            {"max_completion_tokens": 5, "max_tokens": 9, "n": 2},
            OutputRequest(9, 2, ("max_completion_tokens", "max_tokens")),
        ),
        ({"max_tokens": 8.0}, OutputRequest(8, 1, ("max_tokens",))),
    ],
)
def test_the_output_a_request_asks_for(body: dict[str, Any], expected: OutputRequest) -> None:
    assert read_output_request(body) == expected


@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True, [], float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n"])
def test_what_no_provider_can_obey_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidRequestError) as error:
        read_output_request({name: value})
    assert error.value.param == name


def test_a_cap_that_no_model_reaches_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="at most"):
        read_output_request({"max_tokens": 10**30})


def test_more_answers_than_any_provider_gives_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match=str(MAX_CHOICES)):
        read_output_request({"n": MAX_CHOICES + 1})
