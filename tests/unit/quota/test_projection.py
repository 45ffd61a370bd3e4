"""When what remains will be used up."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.quota.projection import WINDOW_DAYS, Pace, exhaustion_day, month_end, pace

TODAY = dt.date(2026, 11, 18)
RENEWAL = dt.date(2026, 12, 1)
LONG_AFTER = dt.date(2036, 12, 1)
uses = st.dictionaries(st.integers(-20, 3).map(lambda days: TODAY + dt.timedelta(days=days)), st.integers(0, 10**9))


def ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def test_even_use_ends_when_division_says() -> None:
    daily = {ago(days): 1000 for days in range(20)}
    assert exhaustion_day(5000, daily, today=TODAY, renews_on=RENEWAL) == dt.date(2026, 11, 23)
    assert exhaustion_day(5001, daily, today=TODAY, renews_on=RENEWAL) == dt.date(2026, 11, 24)


def test_it_lasts_where_the_renewal_comes_on_that_day_or_before() -> None:
    daily = {ago(days): 1000 for days in range(20)}
    assert exhaustion_day(12_000, daily, today=TODAY, renews_on=RENEWAL) == dt.date(2026, 11, 30)
    assert exhaustion_day(12_001, daily, today=TODAY, renews_on=RENEWAL) is None


def test_a_quiet_weekend_is_part_of_the_pace() -> None:
    assert pace({ago(days): 7000 for days in range(5)} | {ago(30): 1}, TODAY) == Pace(35_000, 7)


def test_a_new_account_is_measured_from_its_first_day() -> None:
    assert pace({ago(1): 4000, TODAY: 2000}, TODAY) == Pace(6000, 2)


def test_nobody_who_uses_nothing_runs_out() -> None:
    assert exhaustion_day(1, {}, today=TODAY, renews_on=RENEWAL) is None
    assert exhaustion_day(1, {ago(WINDOW_DAYS): 10**9}, today=TODAY, renews_on=RENEWAL) is None


def test_where_nothing_is_left_it_is_today() -> None:
    assert exhaustion_day(0, {}, today=TODAY, renews_on=RENEWAL) == TODAY


@given(uses, st.integers(1, 10**12))
def test_the_day_is_after_today_and_before_the_renewal(daily: dict[dt.date, int], remaining: int) -> None:
    day = exhaustion_day(remaining, daily, today=TODAY, renews_on=RENEWAL)
    assert day is None or TODAY < day < RENEWAL


@given(uses, st.integers(1, 10**12), st.integers(0, 10**12))
def test_more_left_never_ends_sooner(daily: dict[dt.date, int], remaining: int, more: int) -> None:
    first = exhaustion_day(remaining, daily, today=TODAY, renews_on=LONG_AFTER) or LONG_AFTER
    second = exhaustion_day(remaining + more, daily, today=TODAY, renews_on=LONG_AFTER) or LONG_AFTER
    assert second >= first


@given(uses, st.integers(1, 10**12), st.integers(1, 10**9))
def test_more_use_today_never_ends_later(daily: dict[dt.date, int], remaining: int, more: int) -> None:
    daily[TODAY] = daily.get(TODAY, 0) + 1  # an account whose pace is known by today
    first = exhaustion_day(remaining, daily, today=TODAY, renews_on=LONG_AFTER) or LONG_AFTER
    daily[TODAY] += more
    second = exhaustion_day(remaining, daily, today=TODAY, renews_on=LONG_AFTER) or LONG_AFTER
    assert second <= first


@given(uses, st.integers(1, 10**9), st.integers(1, 1000))
def test_the_unit_does_not_matter(daily: dict[dt.date, int], remaining: int, factor: int) -> None:
    scaled = {day: tokens * factor for day, tokens in daily.items()}
    assert exhaustion_day(remaining, daily, today=TODAY, renews_on=RENEWAL) == exhaustion_day(
        remaining * factor, scaled, today=TODAY, renews_on=RENEWAL
    )


@given(uses, st.integers(1, 10**12))
def test_at_that_pace_the_day_before_was_not_enough(daily: dict[dt.date, int], remaining: int) -> None:
    day = exhaustion_day(remaining, daily, today=TODAY, renews_on=LONG_AFTER)
    if day is not None:
        rate, days = pace(daily, TODAY), (day - TODAY).days
        assert rate.tokens * days >= remaining * rate.days > rate.tokens * (days - 1)


@pytest.mark.parametrize(
    ("used", "daily", "today", "expected"),
    [
        (700, {dt.date(2026, 11, day): 100 for day in range(4, 11)}, dt.date(2026, 11, 10), 700 + 20 * 100),
        (0, {}, dt.date(2026, 11, 10), 0),
        (90, {dt.date(2026, 11, 30): 90}, dt.date(2026, 11, 30), 90),
        (50, {dt.date(2028, 2, 1): 50}, dt.date(2028, 2, 1), 50 + 28 * 50),
    ],
)
def test_a_month_goes_on_at_the_pace_of_the_last_days(
    used: int, daily: dict[dt.date, int], today: dt.date, expected: int
) -> None:
    assert month_end(used, daily, today=today) == expected
