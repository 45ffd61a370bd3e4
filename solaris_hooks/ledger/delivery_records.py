"""Deliveries as the ledger gives them out, and what it is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.event import Event
from solaris_hooks.quota.ids import AccountId


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    """It waits for its first attempt."""
    FAILED = "failed"
    """An attempt failed; it will be tried again."""
    SENT = "sent"
    DEAD = "dead"
    """It was given up; a person can have it sent again."""
    SKIPPED = "skipped"
    """Another delivery tells its reader enough."""


class BeginOutcome(StrEnum):
    """Whether an attempt may begin; see ``begin_delivery_v1``."""

    SEND = "send"
    ENDED = "ended"
    SUPERSEDED = "superseded"
    WORN_OUT = "worn_out"
    BUSY = "busy"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of which nothing was made yet.

    Attributes:
        email: where its account's user gets mails; None where he gets none.
        stale: it happened so long ago that its user need not be told.
    """

    event: Event
    email: str | None
    stale: bool


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What is to be made of an event."""

    event: Event
    channel: str
    target: str
    audience: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What an attempt must keep to.

    Attributes:
        most_attempts: after so many a delivery is given up.
        lease: how long nobody else tries.
        mails_per_account: in an hour, to the account's user.
        mails: in an hour, in all.
        fold_above: where more mails wait for one reader, they become one.
    """

    most_attempts: int
    lease: dt.timedelta
    mails_per_account: int
    mails: int
    fold_above: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Whether an attempt may begin, and else when to ask again, UTC."""

    outcome: BeginOutcome
    again_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery with what it tells.

    Attributes:
        attempts: how many have begun, this one included.
        others: events that it tells besides its own, oldest first.
        locale: of the event's account; None where it is about none. So are ``time_zone`` and ``name``.
    """

    delivery_id: UUID
    channel: str
    target: str
    audience: str
    attempts: int
    event: Event
    others: tuple[Event, ...]
    locale: str | None
    time_zone: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as people look at it.

    Attributes:
        account_id: None where its event is about no account.
        last_error: of the last attempt, or why it was skipped.
        folded_into: the delivery that tells its event too.
    """

    delivery_id: UUID
    account_id: AccountId | None
    event_id: UUID
    kind: str
    channel: str
    target: str
    audience: str
    state: DeliveryState
    attempts: int
    resends: int
    last_error: str | None
    folded_into: UUID | None
    created_at: dt.datetime
    attempted_at: dt.datetime | None
    ended_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; None is all.

    Attributes:
        before: only those made before this one.
    """

    account_id: AccountId | None = None
    state: DeliveryState | None = None
    channel: str | None = None
    before: UUID | None = None

    def takes(self, record: DeliveryRecord) -> bool:
        """Whether a delivery is among them."""
        return (
            self.account_id in {None, record.account_id}
            and self.state in {None, record.state}
            and self.channel in {None, record.channel}
            and (self.before is None or record.delivery_id < self.before)
        )


@dataclass(frozen=True, slots=True)
class DeliveryHealth:
    """Whether deliveries get on.

    Attributes:
        waiting_since: when the oldest that waits was made.
        worker_seen: when a worker was last heard of.
    """

    dead: int
    waiting: int
    waiting_since: dt.datetime | None
    worker_seen: dt.datetime | None


class DeliveryBook(Protocol):
    """The part that people need."""

    async def deliveries(self, wanted: DeliveryFilter, *, limit: int = 50) -> Sequence[DeliveryRecord]:
        """Deliveries, newest first."""
        ...

    async def delivery(self, delivery_id: UUID) -> DeliveryRecord | None:
        """One delivery, or None."""
        ...

    async def resend(self, delivery_id: UUID, *, actor: str, reason: str) -> DeliveryRecord:
        """Let a delivery be sent once more.

        Raises:
            NotFoundError: there is no such delivery.
            ConflictError: it is about to be sent anyway.
        """
        ...

    async def gets_mails(self, account_id: AccountId) -> bool:
        """Whether an account's user gets mails, if the account has an address.

        Raises:
            NotFoundError: there is no such account.
        """
        ...

    async def set_mails(self, account_id: AccountId, *, mails: bool, actor: str, reason: str | None) -> None:
        """Say whether an account's user gets mails; written to the audit trail.

        Raises:
            NotFoundError: there is no such account.
        """
        ...
