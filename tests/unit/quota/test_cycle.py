"""Shares of a period in which the plan changes."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.cycle import shared
from solaris_hooks.quota.period import Period

PERIOD = Period(dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC), dt.datetime(2026, 2, 1, 3, tzinfo=dt.UTC))
LENGTH = (PERIOD.end - PERIOD.start) // dt.timedelta(microseconds=1)
tokens = st.integers(0, 300) | st.integers(0, 10**15)
moments = st.integers(0, LENGTH).map(lambda us: PERIOD.start + dt.timedelta(microseconds=us))


@given(tokens, tokens, moments)
def test_a_share_is_less_than_one_token_off(before: int, after: int, now: dt.datetime) -> None:
    left = Fraction((PERIOD.end - now) // dt.timedelta(microseconds=1), LENGTH)
    exact = before * (1 - left) + after * left
    found = shared(before, before=before, after=after, period=PERIOD, now=now)
    assert abs(found - exact) < 1
    assert min(before, after) <= found <= max(before, after)


@given(tokens, tokens, moments)
def test_there_and_back_at_one_moment_changes_nothing(before: int, after: int, now: dt.datetime) -> None:
    there = shared(before, before=before, after=after, period=PERIOD, now=now)
    assert shared(there, before=after, after=before, period=PERIOD, now=now) == before


@given(tokens)
def test_at_the_ends_of_a_period_one_plan_is_whole(after: int) -> None:
    assert shared(100, before=100, after=after, period=PERIOD, now=PERIOD.start) == after
    assert shared(100, before=100, after=after, period=PERIOD, now=PERIOD.end) == 100
