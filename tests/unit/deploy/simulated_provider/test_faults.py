"""Delays, errors and broken answers."""

import asyncio
import json

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import REFUSAL_KEYS, Json, chat, events, pieces_of, served


@pytest.mark.parametrize(
    ("sim", "seconds"),
    [({"delay_ms": 150}, 0.15), ({"text": "a b c d", "chunk_delay_ms": 40}, 0.16)],
)
async def test_delays_are_kept(http: httpx.AsyncClient, sim: Json, seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    before = clock()
    response = await http.post("/v1/chat/completions", json=chat(sim=sim, stream=True))
    assert pieces_of(events(response.text))
    # The server's timers may ring a little early, by its loop's cached clock.
    assert clock() - before >= seconds * 0.9


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "rate_limit_error"), (500, "server_error"), (503, "server_error"), (418, "invalid")],
)
async def test_an_error_is_answered_in_openais_shape(
    http: httpx.AsyncClient, status: int, kind: str, *, stream: bool
) -> None:
    response = await http.post("/v1/chat/completions", json=chat(sim={"status": status}, stream=stream))
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == REFUSAL_KEYS
    assert error["type"].startswith(kind)
    totals = await served(http)
    assert (totals["errors"], totals["requests"], totals["unfinished_streams"]) == (1, 0, 0)


async def test_only_the_first_tries_of_one_id_fail(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    def tries(of: str) -> Json:
        body: Json = chat(sim={"status": 500, "fail_times": 2, "id": of})
        return body

    answer = await client.with_options(max_retries=2).chat.completions.create(**tries("a"))
    assert answer.usage is not None
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.create(**tries("b"))
    await client.chat.completions.create(**tries("a"))
    totals = await served(http)
    assert (totals["received"], totals["errors"], totals["requests"]) == (5, 3, 2)


@pytest.mark.parametrize(("after", "expected"), [(0, []), (3, ["a", " b", " c"]), (99, None)])
async def test_a_stream_dies_after_its_pieces(http: httpx.AsyncClient, after: int, expected: list[str] | None) -> None:
    body = chat(sim={"text": "a b c d", "die_after_chunks": after}, stream=True)
    received = ""
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - it dies while it is read
        async with http.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.status_code == 200
            async for text in response.aiter_text():
                received += text
    found = [json.loads(event[6:]) for event in received.split("\n\n") if event]
    assert pieces_of(found) == (["a", " b", " c", " d"] if expected is None else expected)
    assert all(event["choices"][0]["finish_reason"] is None for event in found)
    totals = await served(http)
    assert (totals["requests"], totals["unfinished_streams"]) == (0, 1)
    assert totals["unfinished_pieces"] == min(after, 4)


async def test_an_answer_that_is_no_stream_dies_in_the_middle(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(**chat(sim={"die_after_chunks": 0}))
    totals = await served(http)
    assert (totals["requests"], totals["unfinished_answers"]) == (0, 1)
