"""Settings that are one word of a few."""

from __future__ import annotations

from enum import StrEnum


class UnknownUsers(StrEnum):
    """What happens at the first request of a user who has no account."""

    CREATE = "create"
    REFUSE = "refuse"


class NewAccounts(StrEnum):
    """What accounts are that a first request makes."""

    ACTIVE = "active"
    PENDING = "pending"
    """An administrator must approve each: until then its requests are refused."""


class SweepPolicy(StrEnum):
    """What is booked for a request whose end nobody knows, after LiteLLM's own logs were asked."""

    PROMPT = "prompt"
    """The estimate of its prompt, marked as estimated."""
    HOLD = "hold"
    """All that it held."""
    RELEASE = "release"
    """Nothing."""


class WhenAway(StrEnum):
    """What happens to requests while PostgreSQL cannot be reached."""

    FAIL_CLOSED = "fail_closed"
    """They are refused."""
    FAIL_OPEN = "fail_open"
    """They pass, and are written to the journal, to be booked later."""
