"""What the figures of health mean."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from solaris_hooks.ledger.vital_signs import LastDeliveries, VitalSigns
from solaris_hooks.web.admin.diagnosis import Facts, Level, levels, webhook_levels, worst

NOW = dt.datetime(2027, 1, 31, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
SIGNS = VitalSigns(
    at=NOW,
    version="15.4",
    major_version=15,
    bytes=10,
    connections=10,
    most_connections=100,
    months_ahead=2,
    holds=3,
    expired_holds=0,
    events_waiting=0,
    events_since=None,
    deliveries_waiting=1,
    deliveries_late=0,
    deliveries_dead=0,
    jobs_queued=1,
    jobs_failed=0,
    worker_seen=NOW - dt.timedelta(seconds=20),
    checkpoint_at=NOW - DAY,
)
WELL = Facts(
    signs=SIGNS,
    milliseconds=0.6,
    clock_seconds=0.1,
    pending=[],
    mail=True,
    webhooks=["chat", "books"],
    last=[LastDeliveries("mail", "", NOW, None, None), LastDeliveries("webhook", "chat", NOW, NOW - MINUTE, "502")],
    journal_writable=True,
    fail_open=True,
    journals=0,
    journals_aside=0,
    checkpoint_every=DAY,
)


def test_all_is_well() -> None:
    assert set(levels(WELL).values()) == {Level.GOOD}
    assert [level for _, level in webhook_levels(WELL)] == [Level.GOOD, Level.GOOD]


@pytest.mark.parametrize(
    ("name", "changed", "level"),
    [
        ("version", {"major_version": 13}, Level.BAD),
        ("connections", {"connections": 81}, Level.WARN),
        ("connections", {"connections": 96}, Level.BAD),
        ("partitions", {"months_ahead": 0}, Level.WARN),
        ("holds", {"expired_holds": 1}, Level.WARN),
        ("events", {"events_waiting": 1, "events_since": NOW - 9 * MINUTE}, Level.GOOD),
        ("events", {"events_waiting": 1, "events_since": NOW - 11 * MINUTE}, Level.WARN),
        ("worker", {"worker_seen": NOW - 3 * MINUTE}, Level.WARN),
        ("worker", {"worker_seen": None}, Level.GOOD),
        ("worker", {"worker_seen": None, "events_waiting": 1}, Level.WARN),
        ("worker", {"worker_seen": None, "deliveries_late": 1}, Level.WARN),
        ("jobs", {"jobs_failed": 1}, Level.WARN),
        ("deliveries", {"deliveries_dead": 1}, Level.WARN),
        ("deliveries", {"deliveries_late": 1}, Level.WARN),
        ("checkpoints", {"checkpoint_at": NOW - 2 * DAY - MINUTE}, Level.WARN),
        ("checkpoints", {"checkpoint_at": None}, Level.WARN),
    ],
)
def test_what_the_books_say(name: str, changed: dict[str, Any], level: Level) -> None:
    assert levels(replace(WELL, signs=replace(SIGNS, **changed)))[name] is level


@pytest.mark.parametrize(
    ("name", "changed", "level"),
    [
        ("database", {"milliseconds": 21.0}, Level.WARN),
        ("database", {"milliseconds": 201.0}, Level.BAD),
        ("clock", {"clock_seconds": -2.5}, Level.WARN),
        ("schema", {"pending": ["0082.verifications"]}, Level.BAD),
        ("mail", {"mail": False, "last": []}, Level.OFF),
        ("mail", {"last": []}, Level.GOOD),
        ("mail", {"last": [LastDeliveries("mail", "", NOW - MINUTE, NOW, "550")]}, Level.WARN),
        ("mail", {"last": [LastDeliveries("mail", "", None, NOW, "550")]}, Level.WARN),
        ("journal", {"journals": 1}, Level.WARN),
        ("journal", {"journals_aside": 1}, Level.BAD),
        ("journal", {"journal_writable": False}, Level.BAD),
        ("journal", {"journal_writable": False, "fail_open": False}, Level.WARN),
        ("checkpoints", {"checkpoint_every": dt.timedelta()}, Level.OFF),
    ],
)
def test_what_else_there_is_to_judge(name: str, changed: dict[str, Any], level: Level) -> None:
    assert levels(replace(WELL, **changed))[name] is level


def test_a_webhook_is_judged_by_its_last_attempt() -> None:
    last = [
        LastDeliveries("webhook", "chat", NOW - MINUTE, NOW, "502"),
        LastDeliveries("webhook", "gone", NOW, NOW, ""),
    ]
    found = webhook_levels(replace(WELL, last=last))
    assert [(each.target, level) for each, level in found] == [("chat", Level.WARN), ("books", Level.GOOD)]


def test_the_worst_counts_and_what_is_off_does_not() -> None:
    assert worst([Level.GOOD, Level.OFF]) is Level.GOOD
    assert worst([Level.GOOD, Level.WARN, Level.OFF]) is Level.WARN
    assert worst([Level.WARN, Level.BAD]) is Level.BAD
