"""Requests for credits in the books: made by users, decided once, and granted in the transaction that decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from solaris_hooks.quota.ids import AccountId


class RequestState(StrEnum):
    """What became of a request."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    """By the user."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a request was paid with: who says so, and that one's own id of it. One payment pays for one request."""

    provider: str
    payment_id: str


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """A request for credits.

    Attributes:
        number: grows with time, over all accounts.
        package: what was chosen of the packages on offer, with the price of that day; None for a number of one's own.
        decision_reason: what the user is told.
        granted_tokens: what was approved, which may differ from ``tokens``.
        lot_id: the credits that were granted.
    """

    request_id: UUID
    number: int
    account_id: AccountId
    tokens: int
    reason: str
    package: str | None
    price: Decimal | None
    currency: str | None
    state: RequestState
    requested_at: dt.datetime
    requested_by: str
    decided_at: dt.datetime | None = None
    decided_by: str | None = None
    decision_reason: str | None = None
    granted_tokens: int | None = None
    lot_id: UUID | None = None
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class NewCreditRequest:
    """Credits to ask for.

    Attributes:
        request_id: a UUIDv7; the same one asks once.
        open_limit: requests of the account that may wait for a decision at once, this one included.
        day_limit: requests of the account within 24 hours, whatever became of them, this one included.
    """

    request_id: UUID
    account_id: AccountId
    tokens: int
    reason: str
    actor: str
    open_limit: int
    day_limit: int
    package: str | None = None
    price: Decimal | None = None
    currency: str | None = None


class RequestOutcome(StrEnum):
    """How asking for credits, or deciding about them, ended."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REPLAYED = "replayed"
    """It was asked or decided so before: nothing changed."""
    DECIDED = "decided"
    """It was decided otherwise before: nothing changed."""
    OPEN_LIMIT = "open_limit"
    DAY_LIMIT = "day_limit"
    UNKNOWN = "unknown"
    """There is no such account or request."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request.

    Attributes:
        reason: what the user is told.
        account_id: whose request it must be; None for anybody's.
        tokens: what is granted on approval; None for what was asked for.
        expires_at: when the credits end, UTC; None for never.
        payment: what it was paid with.
    """

    request_id: UUID
    state: RequestState
    actor: str
    reason: str | None = None
    account_id: AccountId | None = None
    tokens: int | None = None
    expires_at: dt.datetime | None = None
    payment: Payment | None = None


class RequestBook(Protocol):
    """Requests for credits. Every change is written to the audit trail and emits its event."""

    async def make(self, new: NewCreditRequest) -> RequestOutcome:
        """Ask for credits: ``REQUESTED``, ``REPLAYED``, or one of the two limits, or ``UNKNOWN``."""
        ...

    async def decide(self, decision: Decision) -> RequestOutcome:
        """Decide a request, once: the state decided, ``REPLAYED``, ``DECIDED`` or ``UNKNOWN``.

        Raises:
            ConflictError: the payment paid for another request.
            InvalidRequestError: the credits would have expired already.
        """
        ...

    async def get(self, request_id: UUID) -> CreditRequest | None:
        """One request, or None."""
        ...

    async def find(
        self,
        *,
        account_id: AccountId | None = None,
        state: RequestState | None = None,
        requested_by: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Sequence[CreditRequest]:
        """Requests, newest first, with numbers below ``before``; of one who asked, or of all."""
        ...
