"""A provider's report: believed whole, or not at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.usage import MAX_REPORTED_TOKENS, Usage, UsageSource, reported_usage

anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
    | st.just(MAX_REPORTED_TOKENS)
    | st.integers(0, 1000)
)


@given(anything, anything, anything, anything)
def test_a_report_is_believed_only_where_it_can_be_true(
    prompt: object, completion: object, cached: object, reasoning: object
) -> None:
    usage = reported_usage(
        prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached, reasoning_tokens=reasoning
    )
    if usage is None:
        return
    assert (usage.input_tokens, usage.output_tokens) == (prompt, completion)
    assert all(type(n) is int for n in (usage.input_tokens, usage.output_tokens))
    assert 0 < usage.input_tokens + usage.output_tokens <= 2 * MAX_REPORTED_TOKENS
    assert 0 <= usage.cached_input_tokens <= usage.input_tokens
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens


@given(st.integers(0, MAX_REPORTED_TOKENS), st.integers(1, MAX_REPORTED_TOKENS))
def test_every_plausible_report_is_believed_to_the_token(prompt: int, completion: int) -> None:
    assert reported_usage(prompt_tokens=prompt, completion_tokens=completion) == Usage(prompt, completion)


@pytest.mark.parametrize(
    "wrong",
    [-1, MAX_REPORTED_TOKENS + 1, math.nan, math.inf, -math.inf, 1.5, True, False, None, "12", [12], {}],
)
def test_one_wrong_count_makes_the_report_worthless(wrong: object) -> None:
    assert reported_usage(prompt_tokens=wrong, completion_tokens=5) is None
    assert reported_usage(prompt_tokens=5, completion_tokens=wrong) is None


@pytest.mark.parametrize("wrong", [-1, math.nan, 1.5, True, None, "12"])
def test_a_wrong_part_counts_as_nothing_and_is_billed_in_full(wrong: object) -> None:
    usage = reported_usage(prompt_tokens=9, completion_tokens=5, cached_tokens=wrong, reasoning_tokens=wrong)
    assert usage == Usage(9, 5)


def test_a_part_is_never_more_than_its_whole() -> None:
    usage = reported_usage(prompt_tokens=9, completion_tokens=5, cached_tokens=10, reasoning_tokens=6)
    assert usage == Usage(9, 5, cached_input_tokens=9, reasoning_tokens=5)


def test_whole_floats_are_counts() -> None:
    assert reported_usage(prompt_tokens=9.0, completion_tokens=5.0) == Usage(9, 5)


def test_a_report_of_nothing_is_not_believed() -> None:
    assert reported_usage(prompt_tokens=0, completion_tokens=0) is None


def test_what_we_counted_ourselves_is_marked() -> None:
    assert {source for source in UsageSource if source.estimated} == {UsageSource.ESTIMATE, UsageSource.SWEEP}
