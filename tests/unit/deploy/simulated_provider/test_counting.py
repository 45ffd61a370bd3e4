"""How a chat's tokens are counted and capped."""

from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import Json, chat, events, pieces_of, served


async def test_a_prompt_counts_its_words_and_four_for_each_message(client: AsyncOpenAI) -> None:
    parts = [{"type": "text", "text": "two words"}, {"type": "image_url", "image_url": {}}]
    messages: Any = [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": "  And  now?\n" + '#sim {"label": "not counted"}'},
    ]
    answer = await client.chat.completions.create(model="any-name", messages=messages)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3 + 2 + 0 + 2 + 4 * 4
    assert answer.model == "any-name"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What is the capital of Brazil?", "Thank you"),
        ("Qual é a capital do Brasil?", "Obrigado"),
        ("¿Cuál es la capital de Brasil?", "Gracias"),
        ("", "Thank you"),
    ],
)
async def test_the_default_answer_echoes_in_the_language_of_the_message(
    client: AsyncOpenAI, said: str, expected: str
) -> None:
    answer = await client.chat.completions.create(**chat(said))
    text = answer.choices[0].message.content
    assert text is not None
    assert expected in text
    assert " ".join(said.split()[:6]) in text
    assert answer.usage is not None
    assert 30 <= answer.usage.completion_tokens <= 50
    assert answer.usage.completion_tokens == len(text.split())
    assert answer.usage.total_tokens == (answer.usage.prompt_tokens + answer.usage.completion_tokens)
    assert answer.choices[0].finish_reason == "stop"
    again = await client.chat.completions.create(**chat(said))
    assert (again.choices[0].message.content, again.usage) == (text, answer.usage)
    assert again.id != answer.id


async def test_the_default_answer_quotes_only_the_beginning(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat("1 2 3 4 5 6 7 " * 500))
    assert "“1 2 3 4 5 6…”" in (answer.choices[0].message.content or "")


async def test_a_stream_sends_one_chunk_a_token_and_the_same_text(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    whole = await client.chat.completions.create(**chat())
    body = chat(stream=True, stream_options={"include_usage": True})
    response = await http.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *chunks, last = events(response.text)
    assert whole.usage is not None
    assert len(pieces_of(chunks)) == whole.usage.completion_tokens
    assert "".join(pieces_of(chunks)) == whole.choices[0].message.content
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert {chunk["usage"] for chunk in chunks} == {None}
    assert last["choices"] == []
    assert last["usage"] == whole.usage.model_dump(exclude_unset=True)


async def test_a_stream_reports_usage_only_when_asked(http: httpx.AsyncClient) -> None:
    for options in ({}, {"stream_options": {"include_usage": False}}):
        response = await http.post("/v1/chat/completions", json=chat(stream=True, **options))
        assert all("usage" not in chunk for chunk in events(response.text))
    totals = await served(http)
    assert (totals["requests"], totals["unreported"], totals["total_tokens"]) == (0, 2, 0)


async def test_the_official_client_reads_a_stream(client: AsyncOpenAI) -> None:
    body = chat(sim={"text": "um dois três"}, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in await client.chat.completions.create(**body)]
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert texts == ["", "um", " dois", " três", None]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


@pytest.mark.parametrize(
    ("limits", "tokens"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 5}, 5),
        ({"max_completion_tokens": 9, "max_tokens": 3}, 9),
        ({"max_tokens": None, "max_completion_tokens": 1, "stop": "ignored"}, 1),
    ],
)
@pytest.mark.parametrize("sim", [None, {"completion_tokens": 300}])
async def test_a_cap_ends_the_answer(http: httpx.AsyncClient, limits: Json, tokens: int, sim: Json | None) -> None:
    whole = (await http.post("/v1/chat/completions", json=chat(sim=sim, **limits))).json()
    assert whole["usage"]["completion_tokens"] == tokens
    assert len(whole["choices"][0]["message"]["content"].split()) == tokens
    assert whole["choices"][0]["finish_reason"] == "length"
    body = chat(sim=sim, stream=True, **limits)
    chunks = events((await http.post("/v1/chat/completions", json=body)).text)
    assert len(pieces_of(chunks)) == tokens
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


async def test_an_answer_that_just_fits_its_cap_stops_by_itself(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat(sim={"completion_tokens": 12}, max_tokens=12))
    assert answer.choices[0].finish_reason == "stop"


async def test_a_provider_may_ignore_the_cap(client: AsyncOpenAI) -> None:
    sim = {"completion_tokens": 60, "ignore_cap": True}
    answer = await client.chat.completions.create(**chat(sim=sim, max_tokens=10))
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 60
    assert answer.choices[0].finish_reason == "stop"


async def test_n_choices_are_answered_and_summed(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    sim = {"prompt_tokens": 11, "completion_tokens": 20, "reasoning_tokens": 4}
    answer = await client.chat.completions.create(**chat(sim=sim, n=3, max_tokens=8))
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {len((choice.message.content or "").split()) for choice in answer.choices} == {4}
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (11, 24, 35)
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 12
    body = chat(sim=sim, n=3, max_tokens=8, stream=True)
    chunks = events((await http.post("/v1/chat/completions", json=body)).text)
    assert [len(pieces_of(chunks, index)) for index in range(3)] == [4, 4, 4]
