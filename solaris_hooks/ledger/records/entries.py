"""Lines of the ledger, and the daily totals that are kept beside them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from solaris_hooks.quota.ids import AccountId


class EntryKind(StrEnum):
    """What an entry of the ledger says."""

    OPENING = "opening"
    RENEWAL = "renewal"
    LAPSE = "lapse"
    """Unused allowance of the past period, which does not carry over."""
    USAGE = "usage"
    OVERAGE = "overage"
    """Use beyond what was available: owed."""
    CREDIT = "credit"
    CREDIT_EXPIRY = "credit_expiry"
    CREDIT_REVOCATION = "credit_revocation"
    """Unused credits that an administrator took back."""
    PLAN_CHANGE = "plan_change"
    RESET = "reset"
    """Use of this period that an administrator set back to zero."""
    MERGE = "merge"
    """What moved to or from another account when the two were merged."""


ERASED = "[erased]"
"""What stands where a text about a person was erased."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account's ledger: append-only, numbered, chained.

    Attributes:
        tokens: what the entry adds to (takes from) allowance left + credits - overage.
        reason: in the words of whoever gave it; ``ERASED`` where they were erased.
        details: the JSON text as stored; it is part of the digest.
        previous_hash: digest of the entry before, 32 bytes.
        hash: SHA-256 over ``previous_hash`` and every other field.
        sealed_reason: what the chain has in place of the words; None where it has the words.
    """

    account_id: AccountId
    number: int
    kind: EntryKind
    tokens: int
    allowance_after: int
    credits_after: int
    overage_after: int
    at: dt.datetime
    actor: str
    reason: str | None
    idempotency_key: str
    details: str
    previous_hash: bytes
    hash: bytes
    sealed_reason: str | None = None

    @property
    def chained_reason(self) -> str | None:
        """What the chain covers of the reason: ``sha256:`` and a salted digest, where there is one, else its words."""
        return self.reason if self.sealed_reason is None else self.sealed_reason


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """Totals of one account, one local day and one model."""

    day: dt.date
    model: str
    requests: int
    estimated_requests: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    charge: int
