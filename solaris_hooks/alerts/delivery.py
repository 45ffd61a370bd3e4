"""What is delivered, and what delivers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.event import Event
from solaris_hooks.quota.errors import SolarisError


class ChannelName(StrEnum):
    """How a message travels."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class Audience(StrEnum):
    """For whom a message is written."""

    USER = "user"
    """The account's own user."""
    ADMINISTRATOR = "administrator"
    """Whoever runs the service; also other programs."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one target. Delivered at least once: targets tell copies by ``delivery_id``.

    Attributes:
        target: an e-mail address, or the name of a webhook in the settings.
        locale: the reader's language, ``pt_BR`` or ``en``.
        time_zone: IANA name of the zone in which the reader's days begin.
        name: how the account's user is called; None where nobody knows.
        others: further events that this message tells its reader, oldest first: where many waited, one
            message tells them all. ``event`` is the newest or the most pressing of them.
    """

    delivery_id: UUID
    channel: ChannelName
    target: str
    audience: Audience
    event: Event
    locale: str
    time_zone: str
    name: str | None = None
    others: tuple[Event, ...] = ()


class DeliveryError(SolarisError):
    """A message could not be delivered."""

    code = "delivery_failed"
    status = 502


class UndeliverableError(DeliveryError):
    """It never can be: trying again is of no use (no such address, refused for good)."""


class Channel(Protocol):
    """Delivers messages of one kind."""

    async def send(self, delivery: Delivery) -> None:
        """Deliver, within the time that a job may take.

        Raises:
            UndeliverableError: it never can be delivered.
            DeliveryError: not now; try again later.
        """
        ...
