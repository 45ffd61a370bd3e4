"""How long to wait before a delivery is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.alerts.sending import retry_delay


def test_waits_grow_fourfold_up_to_the_longest() -> None:
    waits = [retry_delay(n, first=10, longest=21_600, random_share=0.5) for n in range(1, 9)]
    assert waits == [10, 40, 160, 640, 2560, 10_240, 21_600, 21_600]


@given(st.integers(1, 1000), st.floats(0, 1))
def test_chance_spreads_them_by_a_quarter(attempts: int, share: float) -> None:
    middle = retry_delay(attempts, first=10, longest=21_600, random_share=0.5)
    assert 0.75 * middle <= retry_delay(attempts, first=10, longest=21_600, random_share=share) <= 1.25 * middle


def test_with_the_defaults_an_outage_of_most_of_a_day_is_survived() -> None:
    total = sum(retry_delay(n, first=10, longest=21_600, random_share=0) for n in range(1, 10))
    assert total > 15 * 3600
