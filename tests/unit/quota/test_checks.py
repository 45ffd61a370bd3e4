"""What administrators may choose."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import pytest

from solaris_hooks.quota.checks import checked_anchor_day, checked_grant, checked_plan, checked_time_zone
from solaris_hooks.quota.errors import InvalidRequestError


@pytest.mark.parametrize("name", ["America/Sao_Paulo", "UTC", "Etc/GMT+3", "Asia/Kathmandu"])
def test_a_time_zone_that_exists_is_taken(name: str) -> None:
    assert checked_time_zone(name) == name


def test_every_zone_that_is_taken_can_be_used() -> None:
    for name in available_timezones() - {"localtime"}:
        ZoneInfo(checked_time_zone(name))


@pytest.mark.parametrize(
    "name", ["", ".", "Mars/Olympus", "America", "/etc/passwd", "../../etc/passwd", "localtime", "a\0b", "XYZ3", "utc "]
)
def test_a_time_zone_that_does_not_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        checked_time_zone(name)
    assert refused.value.param == "time_zone"


def test_anchor_days_are_days_of_a_month() -> None:
    assert [checked_anchor_day(day) for day in (1, 31)] == [1, 31]
    for day in (0, 32, -1):
        with pytest.raises(InvalidRequestError):
            checked_anchor_day(day)


def test_a_plan_may_grant_nothing_and_tell_nobody() -> None:
    checked_plan("a", 0, ())
    checked_plan("0_-z", 10**15, tuple(range(1, 21)))


@pytest.mark.parametrize(
    ("plan_id", "monthly_tokens", "thresholds", "param"),
    [
        ("A", 1, (), "plan_id"),
        ("a b", 1, (), "plan_id"),
        ("a\n", 1, (), "plan_id"),
        ("٣", 1, (), "plan_id"),
        ("a", -1, (), "monthly_tokens"),
        ("a", 10**15 + 1, (), "monthly_tokens"),
        ("a", 1, (0, 5), "thresholds"),
        ("a", 1, (5, 101), "thresholds"),
        ("a", 1, (5, 5), "thresholds"),
        ("a", 1, (6, 5), "thresholds"),
        ("a", 1, tuple(range(1, 22)), "thresholds"),
    ],
)
def test_a_plan_that_cannot_be_names_what_is_wrong(
    plan_id: str, monthly_tokens: int, thresholds: tuple[int, ...], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        checked_plan(plan_id, monthly_tokens, thresholds)
    assert refused.value.param == param


def test_a_grant_is_of_at_least_one_token() -> None:
    assert checked_grant(1) == 1
    for tokens in (0, -5, 10**15 + 1):
        with pytest.raises(InvalidRequestError):
            checked_grant(tokens)
