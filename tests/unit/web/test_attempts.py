"""Failed attempts are counted by source, for a while, and for so many sources."""

from __future__ import annotations

import pytest

from solaris_hooks.web import attempts
from solaris_hooks.web.attempts import Attempts


def test_failures_count_for_a_while() -> None:
    now = 0.0
    counted = Attempts(seconds=60, clock=lambda: now)
    assert [counted.failed("a"), counted.failed("a"), counted.failed("b")] == [1, 2, 1]
    now = 59.0
    assert counted.failures("a") == 2
    now = 60.0
    assert counted.failures("a") == 0
    assert counted.failed("a") == 1


def test_the_oldest_sources_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MOST_SOURCES", 2)
    counted = Attempts(seconds=60, clock=lambda: 0.0)
    for source in "abac":
        counted.failed(source)
    assert [counted.failures(each) for each in "abc"] == [2, 0, 1]
