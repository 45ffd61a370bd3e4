"""Histograms of answers' lengths: close above the truth, never below it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.lengths import BOUNDS, MOST_TOKENS, Lengths, bucket_of


@given(st.integers(0, MOST_TOKENS))
def test_a_bucket_holds_its_lengths_and_none_that_the_bucket_before_holds(tokens: int) -> None:
    bucket = bucket_of(tokens)
    assert tokens <= BOUNDS[bucket]
    assert bucket == 0 or tokens > BOUNDS[bucket - 1]


@given(st.lists(st.integers(8, 1_000_000), min_size=1, max_size=200), st.integers(1, 1000))
def test_a_quantile_is_never_below_the_true_one_and_at_most_a_fifth_above(lengths: list[int], per_mille: int) -> None:
    histogram = Lengths()
    for each in lengths:
        histogram.add(each)
    true = sorted(lengths)[-(-len(lengths) * per_mille // 1000) - 1]
    found = histogram.quantile(per_mille)
    assert found is not None
    assert true <= found <= max(true * 1.2, true + 1)


def test_nothing_is_known_of_nothing() -> None:
    assert Lengths().quantile(500) is None


def test_lengths_beyond_all_reason_fall_into_the_last_bucket() -> None:
    assert bucket_of(MOST_TOKENS * 1000) == len(BOUNDS) - 1


def test_a_quantile_follows_what_is_counted_afterwards() -> None:
    histogram = Lengths()
    for _ in range(1000):
        histogram.add(8)
    assert histogram.quantile(500) == 8
    for _ in range(1001):
        histogram.add(1000)
    assert (histogram.quantile(500) or 0) >= 1000


@given(st.lists(st.integers(8, 100_000), min_size=1, max_size=50), st.integers(1, 1000))
def test_a_quantile_of_few_lengths_is_never_an_old_one(lengths: list[int], per_mille: int) -> None:
    asked = Lengths()
    for number, each in enumerate(lengths, start=1):
        asked.add(each)
        afresh = Lengths()
        for other in lengths[:number]:
            afresh.add(other)
        assert asked.quantile(per_mille) == afresh.quantile(per_mille)


def test_merged_counts_are_those_of_both() -> None:
    histogram = Lengths({3: 2})
    histogram.merge({3: 1, 5: 1})
    assert len(histogram) == 4
    assert dict(histogram.counts) == {3: 3, 5: 1}
