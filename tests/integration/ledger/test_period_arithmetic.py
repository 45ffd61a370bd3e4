"""Periods by Python and by PostgreSQL are the same instants, in every zone and over every odd night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo, available_timezones

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solaris_hooks.quota.period import Period, period_containing

from .world import utc

BEGIN, END = dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone


@pytest.fixture(scope="module")
def connection(ledger_url: str) -> Iterator[psycopg.Connection]:
    """One connection for all examples."""
    with psycopg.connect(ledger_url, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def zones(connection: psycopg.Connection) -> list[str]:
    """Zones of which both know the same rules: their data are of different years, and this is about arithmetic."""
    weeks = [BEGIN.replace(tzinfo=dt.UTC) + dt.timedelta(weeks=n) for n in range(10 * 53)]
    rows = connection.execute(
        """
        SELECT name, array_agg(extract(epoch FROM (at AT TIME ZONE name) - (at AT TIME ZONE 'UTC'))::int ORDER BY at)
        FROM pg_timezone_names, unnest(%s::timestamptz[]) AS at
        WHERE name = ANY(%s) GROUP BY name
        """,
        [weeks, sorted(available_timezones())],
    )
    same = [name for name, offsets in rows if offsets == [_offset(name, week) for week in weeks]]
    assert {"America/Sao_Paulo", "Europe/Lisbon", "Africa/Cairo", "America/Havana"} <= set(same)
    return sorted(same)


def _offset(zone: str, at: dt.datetime) -> int:
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _by_postgres(connection: psycopg.Connection, at: dt.datetime, zone: str, anchor_day: int) -> Period:
    row = connection.execute("SELECT * FROM solaris.period_bounds_v1(%s, %s, %s)", [at, zone, anchor_day]).fetchone()
    assert row is not None
    return Period(*row)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.datetimes(BEGIN, END, timezones=st.just(dt.UTC)),
    place=st.integers(0, 10_000),
    anchor_day=st.integers(1, 31),
)
def test_both_find_the_same_period(
    connection: psycopg.Connection, zones: list[str], at: dt.datetime, place: int, anchor_day: int
) -> None:
    zone = zones[place % len(zones)]
    expected = period_containing(at, time_zone=zone, anchor_day=anchor_day)
    assert _by_postgres(connection, at, zone, anchor_day) == expected
    assert at in expected
    for edge in (expected.start, expected.end - dt.timedelta(microseconds=1)):
        assert period_containing(edge, time_zone=zone, anchor_day=anchor_day) == expected
        assert _by_postgres(connection, edge, zone, anchor_day) == expected
    following = period_containing(expected.end, time_zone=zone, anchor_day=anchor_day)
    assert following.start == expected.end, "periods leave no gap"


def test_both_find_the_same_day_wherever_clocks_change_at_midnight(
    connection: psycopg.Connection, zones: list[str]
) -> None:
    """Every zone, every month of ten years in which its offset changes near a local midnight."""
    compared = 0
    for zone in zones:
        for at, day in _midnight_changes(zone):
            compared += 1
            expected = period_containing(at, time_zone=zone, anchor_day=day)
            assert _by_postgres(connection, at, zone, day) == expected, (zone, at, day)
    assert compared > 50


def _midnight_changes(zone: str) -> Iterator[tuple[dt.datetime, int]]:
    """Noons of days around whose first midnight clocks change by an hour, with the day of the month to anchor on.

    Changes by more happen when a place moves to another zone for good: there PostgreSQL's function
    takes the second midnight (Antarctica/Vostok on 2023-12-18; inhabited places last in 2014).
    """
    local = ZoneInfo(zone)
    day = dt.date(2022, 1, 1)
    while day.year < 2027:
        midnight = dt.datetime.combine(day, dt.time(), tzinfo=local)
        before, after = ((midnight + dt.timedelta(hours=hours)).utcoffset() for hours in (-2, 2))
        if before and after and abs(after - before) == dt.timedelta(hours=1):
            yield (midnight + dt.timedelta(hours=12)).astimezone(dt.UTC), day.day
        day += dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "at", "anchor_day"),
    [
        ("Pacific/Apia", "2011-12-31 12:00", 30),  # this day did not happen
        ("Asia/Pyongyang", "2015-08-20", 15),
        ("Australia/Lord_Howe", "2026-04-10", 5),
        ("Antarctica/Troll", "2026-04-10", 29),
        ("America/St_Johns", "2006-11-10", 29),  # clocks changed at one past midnight
        ("Asia/Gaza", "2026-04-10", 28),
        ("America/Caracas", "2016-05-10", 1),
        ("Europe/Moscow", "2014-11-10", 26),
    ],
)
def test_both_agree_about_the_oddest_nights(
    connection: psycopg.Connection, zone: str, at: str, anchor_day: int
) -> None:
    expected = period_containing(utc(at), time_zone=zone, anchor_day=anchor_day)
    assert _by_postgres(connection, utc(at), zone, anchor_day) == expected
