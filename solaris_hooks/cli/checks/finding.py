"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, but something should be done."""
    FAIL = "fail"
    """It does not work, or tokens may be lost."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        check: what was looked at.
        message: what was found; where it is not ok, also what to do.
    """

    check: str
    level: Level
    message: str


def ok(check: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Level.OK, message)


def warn(check: str, message: str) -> Finding:
    """Something should be done."""
    return Finding(check, Level.WARN, message)


def fail(check: str, message: str) -> Finding:
    """Something must be done."""
    return Finding(check, Level.FAIL, message)
