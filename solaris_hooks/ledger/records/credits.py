"""Credits as they are granted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from solaris_hooks.ledger.records.accounts import Account
from solaris_hooks.quota.ids import AccountId


class CreditOrigin(StrEnum):
    """Where credits come from."""

    GRANT = "grant"
    """An administrator gave them."""
    PURCHASE = "purchase"
    """They were paid for."""
    BONUS = "bonus"
    COMPENSATION = "compensation"
    """For an outage."""
    REQUEST = "request"
    """The user asked for them, and an administrator approved."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits to grant.

    Attributes:
        idempotency_key: the same key grants once; a replay returns the first result.
        expires_at: UTC, or None for credits that do not expire.
    """

    account_id: AccountId
    tokens: int
    reason: str
    actor: str
    idempotency_key: str
    origin: CreditOrigin = CreditOrigin.GRANT
    expires_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantResult:
    """Outcome of a grant.

    Attributes:
        account: as it is now.
        replayed: the idempotency key granted these credits before; nothing was granted again.
    """

    account: Account
    replayed: bool
