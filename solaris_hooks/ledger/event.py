"""Events: what people and other programs are told of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from solaris_hooks.quota.ids import AccountId


class EventKind(StrEnum):
    """What people and other programs are told of."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_REACTIVATED = "account.reactivated"
    THRESHOLD_CROSSED = "threshold.crossed"
    QUOTA_EXHAUSTED = "quota.exhausted"
    CREDIT_GRANTED = "credit.granted"
    CREDIT_REVOKED = "credit.revoked"
    CREDIT_REQUESTED = "credit.requested"
    CREDIT_DECIDED = "credit.decided"
    PERIOD_RENEWED = "period.renewed"
    PERIOD_RESET = "period.reset"
    MESSAGE_SENT = "message.sent"
    ACCOUNT_MERGED = "account.merged"
    ANOMALY_DETECTED = "anomaly.detected"
    DELIVERY_FAILED = "delivery.failed"
    REPORT_DIGEST = "report.digest"
    REPORT_MONTHLY = "report.monthly"
    REPORT_SCHEDULED = "report.scheduled"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, written once, in the transaction in which it did.

    Attributes:
        number: grows with time, over all accounts.
        account_id: whom it is about; None where it is about no account.
        at: when it happened, UTC.
        details: the account's figures at that moment, and what the kind adds; JSON values.
    """

    number: int
    event_id: UUID
    kind: EventKind
    account_id: AccountId | None
    at: dt.datetime
    details: Mapping[str, object]
