"""Use far above an account's own pattern."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.anomaly import Anomaly, AnomalyRule

RULE = AnomalyRule()
GRANTED = 1_000_000
MONTH = [20_000, 25_000, 15_000, 30_000, 0, 0, 22_000] * 4
days = st.lists(st.integers(0, 10**7), max_size=60)


def test_far_more_than_the_second_largest_day_is_unusual() -> None:
    busiest = [*MONTH, 90_000, *MONTH]
    assert RULE.judge(120_001, busiest, granted=GRANTED) == Anomaly(today=120_001, usual=30_000)
    assert RULE.judge(120_000, busiest, granted=GRANTED) is None


def test_a_busy_day_that_happened_twice_is_usual() -> None:
    assert RULE.judge(200_000, [*MONTH, 60_000, *MONTH, 60_000], granted=GRANTED) is None


def test_a_small_part_of_what_was_granted_is_never_unusual() -> None:
    small = [each // 100 for each in MONTH]
    assert RULE.judge(49_999, small, granted=GRANTED) is None
    assert RULE.judge(50_000, small, granted=GRANTED) is not None


def test_an_account_that_is_new_or_hardly_used_has_no_pattern() -> None:
    assert RULE.judge(10**6, [], granted=GRANTED) is None
    assert RULE.judge(10**6, [0] * 40 + [1000] * 13, granted=GRANTED) is None
    assert RULE.judge(10**6, [0] * 40 + [1000] * 14, granted=GRANTED) is not None
    assert RULE.judge(10**6, [1000, *[0] * 13, 1000, 1000, 1000], granted=GRANTED) is None
    assert RULE.judge(10**6, [1000, *[0] * 13, 1000, 1000, 1000, 1000], granted=GRANTED) is not None


@given(days, st.integers(0, 10**8), st.integers(0, 10**8))
def test_more_use_is_never_less_unusual(before: list[int], today: int, more: int) -> None:
    if RULE.judge(today, before, granted=GRANTED):
        assert RULE.judge(today + more, before, granted=GRANTED)


@given(days, st.integers(0, 10**8))
def test_a_day_no_larger_than_two_before_is_never_unusual(before: list[int], today: int) -> None:
    assert RULE.judge(today, [*before, today, today], granted=GRANTED) is None
