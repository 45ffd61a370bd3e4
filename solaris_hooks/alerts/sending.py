"""Sends one delivery, once more if need be, and writes down how it went."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Callable, Mapping
from uuid import UUID

from solaris_hooks.alert_settings import AlertSettings
from solaris_hooks.alerts.composing import composed
from solaris_hooks.alerts.delivery import Channel, ChannelName, Delivery, DeliveryError, UndeliverableError
from solaris_hooks.ledger.deliveries import Deliveries
from solaris_hooks.ledger.delivery_records import BeginOutcome, DeliveryState, Limits, Outgoing
from solaris_hooks.quota.errors import SolarisError

_LOG = logging.getLogger(__name__)

SEND_SECONDS = 120.0
"""An attempt that takes longer has failed."""

LEASE = dt.timedelta(seconds=150)
"""How long a delivery is left to the process that tries it, even if that has died."""

GROWTH = 4.0
"""Each wait is so many times the one before."""

_MOST_GROWTH = 30  # the longest wait was reached long before

_LIMIT_SPREAD_SECONDS = 300.0
_WORN_OUT = "Every attempt began and none ended: the process that sends it dies."


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class TryAgainError(Exception):
    """The job is to run again.

    Attributes:
        at: not before this time, UTC.
    """

    def __init__(self, at: dt.datetime, why: str) -> None:
        """Keep the time; ``why`` is for logs."""
        super().__init__(why)
        self.at = at


def retry_delay(attempts: int, *, first: float, longest: float, random_share: float) -> float:
    """Seconds until the next attempt: four times the last wait, up to the longest, a quarter more or less by chance.

    Args:
        attempts: how many have failed.
        first: wait after the first, seconds.
        longest: never more than this before chance is added, seconds.
        random_share: between 0 and 1; spreads what failed at the same time.
    """
    return min(first * GROWTH ** min(attempts - 1, _MOST_GROWTH), longest) * (0.75 + random_share / 2)


class Sender:
    """Sends deliveries through their channels; at least once each."""

    def __init__(
        self,
        deliveries: Deliveries,
        channels: Mapping[ChannelName, Channel],
        settings: AlertSettings,
        *,
        time_zone: str,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Keep the collaborators.

        Args:
            deliveries: the books' deliveries.
            channels: what sends over each; a channel that is missing cannot be delivered to.
            settings: limits, and the administrators' language.
            time_zone: administrators' days begin in this one.
            now: the clock that retries are counted from.
        """
        self._deliveries = deliveries
        self._channels = channels
        self._settings = settings
        self._time_zone = time_zone
        self._now = now
        self._limits = Limits(
            most_attempts=settings.most_attempts,
            lease=LEASE,
            mails_per_account=settings.mails_per_account_per_hour,
            mails=settings.mails_per_hour,
            fold_above=settings.fold_above,
        )

    async def deliver(self, delivery_id: UUID) -> None:
        """Send a delivery, unless it was sent, has nothing left to tell, or must wait.

        Raises:
            TryAgainError: not now; it says when.
            SolarisError: the books cannot be reached; try again.
        """
        begun = await self._deliveries.begin(delivery_id, self._limits)
        if begun.outcome is BeginOutcome.WORN_OUT:
            await self._give_up(delivery_id, _WORN_OUT)
        if begun.again_at is not None:
            spread = _LIMIT_SPREAD_SECONDS if begun.outcome is BeginOutcome.LIMITED else 1.0
            raise TryAgainError(
                begun.again_at + dt.timedelta(seconds=random.uniform(0, spread)),  # noqa: S311 - no secret
                f"delivery {delivery_id} is {begun.outcome.value}",
            )
        if begun.outcome is not BeginOutcome.SEND:
            return
        outgoing = await self._deliveries.outgoing(delivery_id)
        try:
            delivery = composed(outgoing, admin_locale=self._settings.admin_locale, time_zone=self._time_zone)
            await self._send(delivery)
        except UndeliverableError as exc:
            await self._give_up(delivery_id, exc.message)
        except DeliveryError as exc:
            await self._failed(outgoing, exc.message)
        else:
            # A crash before this line sends the message again: at least once, not exactly once.
            await self._deliveries.end(delivery_id, DeliveryState.SENT)

    async def _send(self, delivery: Delivery) -> None:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            raise UndeliverableError(f"Channel {delivery.channel.value} is not set up.")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await channel.send(delivery)
        except DeliveryError:
            raise
        except TimeoutError as exc:
            raise DeliveryError(f"It took longer than {SEND_SECONDS:.0f} s.") from exc
        except SolarisError as exc:
            raise DeliveryError(exc.message) from exc
        except Exception as exc:  # a defect of one message must not keep the job from ending
            _LOG.exception("delivery %s failed unexpectedly", delivery.delivery_id)
            raise DeliveryError(f"{type(exc).__name__}: see the log.") from exc

    async def _failed(self, outgoing: Outgoing, error: str) -> None:
        if outgoing.attempts >= self._settings.most_attempts:
            await self._give_up(outgoing.delivery_id, error)
            return
        await self._deliveries.end(outgoing.delivery_id, DeliveryState.FAILED, error)
        delay = retry_delay(
            outgoing.attempts,
            first=self._settings.first_retry_seconds,
            longest=self._settings.longest_retry_seconds,
            random_share=random.random(),  # noqa: S311 - no secret
        )
        _LOG.warning(
            "delivery %s by %s to %s failed (attempt %d of %d), again in %.0f s: %s",
            outgoing.delivery_id,
            outgoing.channel,
            outgoing.target,
            outgoing.attempts,
            self._settings.most_attempts,
            delay,
            error,
        )
        raise TryAgainError(self._now() + dt.timedelta(seconds=delay), error)

    async def _give_up(self, delivery_id: UUID, error: str) -> None:
        _LOG.error("delivery %s is given up: %s", delivery_id, error)
        await self._deliveries.end(delivery_id, DeliveryState.DEAD, error)
