"""The books, as tests read them."""

import asyncio
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import Json, chat, events, pieces_of, served, served_once


async def test_a_stream_whose_client_leaves_is_booked_with_the_pieces_sent(
    client: AsyncOpenAI, http: httpx.AsyncClient
) -> None:
    sim = {"completion_tokens": 10_000, "chunk_delay_ms": 5, "label": "left"}
    stream = await client.chat.completions.create(**chat(sim=sim, stream=True))
    read = 0
    async for chunk in stream:
        read += bool(chunk.choices[0].delta.content)
        if read == 3:
            break
    await stream.close()
    totals = await served_once(http, unfinished_streams=1, in_flight=0)
    assert 3 <= totals["unfinished_pieces"] < 10_000
    assert (totals["requests"], totals["total_tokens"]) == (0, 0)
    assert totals["labels"]["left"]["unfinished_pieces"] == totals["unfinished_pieces"]


@pytest.mark.parametrize(("stream", "counted"), [(True, "unfinished_streams"), (False, "unfinished_answers")])
async def test_a_client_that_leaves_before_the_answer_is_booked(
    http: httpx.AsyncClient, counted: str, *, stream: bool
) -> None:
    body = chat(sim={"delay_ms": 600_000}, stream=stream)
    leaving = asyncio.create_task(http.post("/v1/chat/completions", json=body))
    await served_once(http, in_flight=1)
    leaving.cancel()
    totals = await served_once(http, in_flight=0, **{counted: 1})
    assert (totals["requests"], totals["unfinished_pieces"]) == (0, 0)


async def test_the_books_are_exact_at_200_concurrent_requests(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    def body(number: int) -> Json:
        sim = {"label": f"l{number % 3}", "prompt_tokens": number, "completion_tokens": number}
        streamed = {"stream": True, "stream_options": {"include_usage": True}}
        request: Json = chat(sim=sim, **(streamed if number % 2 else {}))
        return request

    async def ask(number: int) -> int:
        answer: Any = await client.chat.completions.create(**body(number))
        if isinstance(answer, openai.AsyncStream):
            *_, answer = [chunk async for chunk in answer]
        return int(answer.usage.total_tokens)

    told = await asyncio.gather(*(ask(number) for number in range(200)))
    totals = await served(http)
    each = sum(range(200))
    assert sum(told) == totals["total_tokens"] == 2 * each
    assert totals["prompt_tokens"] == totals["completion_tokens"] == each
    assert (totals["requests"], totals["received"], totals["in_flight"]) == (200, 200, 0)
    labels = totals.pop("labels")
    assert set(labels) == {"l0", "l1", "l2"}
    assert totals.pop("routes") == {"/v1/chat/completions": totals}
    assert totals == {name: sum(label[name] for label in labels.values()) for name in labels["l0"]}


async def test_the_last_bodies_are_shown_as_they_came(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    first = chat("one", sim={"label": "x"}, max_tokens=3, seed=5, user="somebody")
    await client.chat.completions.create(**first)
    await client.chat.completions.create(**chat("two"))
    await http.post("/v1/chat/completions", json={"model": "broken"})
    shown = await http.get("/sim/requests")
    assert shown.json()["requests"] == [first, chat("two"), {"model": "broken"}]
    assert "sk-secret" not in shown.text
    by_label = await http.get("/sim/requests", params={"label": "x"})
    assert by_label.json()["requests"] == [first]
    last = await http.get("/sim/requests", params={"limit": 1})
    assert last.json()["requests"] == [{"model": "broken"}]


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", "", "9" * 5_000])
async def test_a_wrong_limit_is_refused(http: httpx.AsyncClient, limit: str) -> None:
    response = await http.get("/sim/requests", params={"limit": limit})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "limit")


async def test_a_reset_forgets_even_what_is_still_under_way(http: httpx.AsyncClient) -> None:
    await http.post("/v1/chat/completions", json=chat(sim={"label": "x"}))
    body = chat(sim={"text": "still here", "chunk_delay_ms": 50}, stream=True)
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        await served_once(http, in_flight=1)
        await http.post("/sim/reset")
        assert pieces_of(events((await response.aread()).decode())) == ["still", " here"]
    totals = await served(http)
    assert (totals.pop("labels"), totals.pop("routes")) == ({}, {})
    assert set(totals.values()) == {0}
    assert (await http.get("/sim/requests")).json() == {"requests": []}


async def test_a_reset_forgets_the_tries(http: httpx.AsyncClient) -> None:
    body = chat(sim={"status": 500, "fail_times": 1, "id": "a"})
    for expected in (500, 200):
        assert (await http.post("/v1/chat/completions", json=body)).status_code == expected
    await http.post("/sim/reset")
    assert (await http.post("/v1/chat/completions", json=body)).status_code == 500
