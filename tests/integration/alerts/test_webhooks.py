"""Webhooks against a server that checks signatures with the specification's own library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from solaris_hooks.alerts.delivery import Delivery, DeliveryError, UndeliverableError
from solaris_hooks.alerts.webhooks.channel import WebhookChannel
from tests.unit.alerts.test_webhook_bodies import EXAMPLES
from tests.unit.alerts.test_webhook_bodies import delivery as made

from .conftest import SECRET, Alerts, webhook


@dataclass
class Hook:
    """A server that writes down what it is asked, and answers as it is told."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    hang: bool = False
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        content = await reader.readexactly(int(headers["content-length"]))
        self.asked.append((first, headers, content))
        if self.hang:
            await asyncio.sleep(600)
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    it = Hook()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?x=1"
    try:
        yield it
    finally:
        server.close()


@pytest.fixture
async def it() -> AsyncIterator[Hook]:
    async with hook() as running:
        yield running


def delivery(**more: Any) -> Delivery:
    return replace(made(EXAMPLES["threshold.crossed"]), target="books", **more)


async def send(it: Hook, message: Delivery | None = None, **more: Any) -> None:
    await WebhookChannel([webhook(url=it.url, **more)]).send(message or delivery())


async def test_a_receiver_can_verify_who_sent_it(it: Hook) -> None:
    await send(it)
    ((first, headers, content),) = it.asked
    assert first == "POST /hook?x=1 HTTP/1.1"
    assert Webhook(SECRET).verify(content, headers) == EXAMPLES["threshold.crossed"]
    assert headers["webhook-id"] == str(UUID(int=5))
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(content.replace(b"812400", b"1"), headers)


async def test_a_chat_gets_a_message_and_needs_no_secret(it: Hook) -> None:
    await send(it, format="slack", secret="")
    ((_, headers, content),) = it.asked
    assert json.loads(content)["text"].startswith("*An account is near its limit*")
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Oops", "503 Busy"])
async def test_whoever_does_not_take_it_is_asked_again(it: Hook, status: str) -> None:
    it.answer = f"HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nsorry".encode()
    with pytest.raises(DeliveryError, match="sorry") as failed:
        await send(it)
    assert not isinstance(failed.value, UndeliverableError)


async def test_an_address_that_is_gone_is_not_asked_again(it: Hook) -> None:
    it.answer = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
    with pytest.raises(UndeliverableError):
        await send(it)


async def test_redirects_are_not_followed(it: Hook) -> None:
    async with hook() as elsewhere:
        it.answer = f"HTTP/1.1 307 Away\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n".encode()
        with pytest.raises(DeliveryError, match="307"):
            await send(it)
        assert elsewhere.asked == []


async def test_of_an_answer_little_is_kept_and_nothing_that_moves_a_cursor(it: Hook) -> None:
    it.answer = b"HTTP/1.1 500 Oops\r\n\r\n\x1b[2J" + b"x" * 1_000_000
    with pytest.raises(DeliveryError) as failed:
        await send(it)
    assert len(failed.value.message) < 250
    assert failed.value.message.isprintable()


async def test_an_answer_that_does_not_come_is_not_waited_for(it: Hook) -> None:
    it.hang = True
    with pytest.raises(DeliveryError, match="No answer within 1 s"):
        await send(it, timeout_seconds=1)


async def test_nobody_listens() -> None:
    with pytest.raises(DeliveryError, match="cannot be reached") as failed:
        await WebhookChannel([webhook(url="http://127.0.0.1:1/secret-path")]).send(delivery())
    assert "secret-path" not in failed.value.message


async def test_a_webhook_that_left_the_settings_gets_nothing() -> None:
    with pytest.raises(UndeliverableError, match="in the settings"):
        await WebhookChannel([]).send(delivery())


async def test_an_event_reaches_a_program_with_the_figures_of_its_moment(alerts: Alerts, it: Hook) -> None:
    alerts.addresses = (webhook(url=it.url),)
    alerts.webhooks = WebhookChannel(alerts.addresses)  # type: ignore[assignment]
    await alerts.use(850)
    await alerts.dispatcher.dispatch()
    for row in await alerts.rows(channel="webhook"):
        await alerts.sender.deliver(row.delivery_id)
    created, crossed = (Webhook(SECRET).verify(content, headers) for _, headers, content in it.asked)
    assert set(created["data"]) == set(EXAMPLES["account.created"]["data"])
    assert set(crossed["data"]) == set(EXAMPLES["threshold.crossed"]["data"])
    assert (crossed["data"]["percent"], crossed["data"]["name"]) == (85, "Ana")
