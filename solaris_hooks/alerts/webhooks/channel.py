"""The webhook channel: one POST for each delivery."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import Self

import httpx
from standardwebhooks import Webhook

from solaris_hooks import __version__
from solaris_hooks.alert_settings import WebhookSettings
from solaris_hooks.alerts.delivery import Delivery, DeliveryError, UndeliverableError
from solaris_hooks.alerts.webhooks.bodies import body

_LOG = logging.getLogger(__name__)

MOST_ANSWER_CHARACTERS = 200
"""Of an answer so much is kept; it is text from outside, and may say what it should not."""

_MOST_ANSWER_BYTES = 4 * MOST_ANSWER_CHARACTERS


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class WebhookChannel:
    """Sends deliveries as webhooks; see :class:`solaris_hooks.alerts.delivery.Channel`.

    An address may be private: the operator wrote it, and nobody else can. Redirects are not followed, so that whoever
    answers there cannot send the request anywhere else.
    """

    def __init__(
        self,
        webhooks: Sequence[WebhookSettings],
        *,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Keep the settings; connect to nothing yet.

        Args:
            webhooks: addresses by name.
            now: the clock that signatures are dated by.
        """
        self._webhooks = {each.name: each for each in webhooks}
        self._now = now

    async def send(self, delivery: Delivery) -> None:
        """See :meth:`Channel.send`. Returns when the other side has answered with a status of 200 to 299."""
        webhook = self._webhooks.get(delivery.target)
        if webhook is None:
            raise UndeliverableError(f"There is no webhook {delivery.target!r} in the settings.")
        content = body(webhook.format, delivery)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"solaris-hooks/{__version__}",
            **self._signed(webhook, delivery, content),
        }
        try:
            async with asyncio.timeout(webhook.timeout_seconds):
                answer = await _Answer.to(webhook, content, headers)
        except TimeoutError as exc:
            raise DeliveryError(f"No answer within {webhook.timeout_seconds:g} s.") from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            # Its text may name the address, which may be a secret.
            raise DeliveryError(f"The address cannot be reached ({type(exc).__name__}).") from exc
        answer.check()

    def _signed(self, webhook: WebhookSettings, delivery: Delivery, content: str) -> dict[str, str]:
        secret = webhook.secret.get_secret_value()
        if not secret:
            return {}
        at, message = self._now(), str(delivery.delivery_id)
        return {
            "webhook-id": message,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(message, at, content),
        }


class _Answer:
    """What the other side said, cut."""

    def __init__(self, status: int, text: str) -> None:
        self._status = status
        self._text = " ".join("".join(char if char.isprintable() else " " for char in text).split())

    @classmethod
    async def to(cls, webhook: WebhookSettings, content: str, headers: dict[str, str]) -> Self:
        """Ask, and read the beginning of the answer. No proxy of the environment sees it, and no cookie is kept."""
        url = webhook.url.get_secret_value()
        async with (
            httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=webhook.timeout_seconds) as client,
            client.stream("POST", url, content=content.encode(), headers=headers) as response,
        ):
            read = b""
            if not response.is_success:
                async for piece in response.aiter_raw(_MOST_ANSWER_BYTES):
                    read += piece
                    if len(read) >= _MOST_ANSWER_BYTES:
                        break
            return cls(response.status_code, read[:_MOST_ANSWER_BYTES].decode("utf-8", "replace"))

    def check(self) -> None:
        """Return where the message was taken.

        Raises:
            UndeliverableError: the address says that it is gone.
            DeliveryError: it said anything else.
        """
        if httpx.codes.is_success(self._status):
            return
        said = f"{self._status} {self._text}".strip()[:MOST_ANSWER_CHARACTERS]
        if self._status == httpx.codes.GONE:
            raise UndeliverableError(f"The address is gone: {said}")
        raise DeliveryError(f"The address answered {said}")
