"""What is refused, and how."""

import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import REFUSAL_KEYS, Json, chat, served


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff", None),
        (b'{"model": NaN}', None),
        (b'{"model": 1e999}', None),
        (b"[" * 100_000, None),
        (b"[]", None),
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": ["x"]}, "messages.0"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages.0.role"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(max_tokens=-1), "max_tokens"),
        (chat(max_tokens="5"), "max_tokens"),
        (chat(max_completion_tokens=True), "max_completion_tokens"),
        (chat(n=0), "n"),
        (chat(n=129), "n"),
        (chat(n=2, sim={"completion_tokens": 200_000}), "n"),
        (chat(stream="yes"), "stream"),
        (chat(stream_options={"include_usage": True}), None),
        (chat("#sim {broken"), "messages"),
        (chat('#sim {"prompt_tokens": NaN}'), "messages"),
        (chat(sim={"promt_tokens": 1}), "messages"),
        (chat(sim={"prompt_tokens": -1}), "messages"),
        (chat(sim={"prompt_tokens": 1.5}), "messages"),
        (chat(sim={"status": 200}), "messages"),
        (chat(sim={"fail_times": 1, "status": 500}), "messages"),
        (chat(sim={"fail_times": 1, "id": "a"}), "messages"),
        (chat(sim={"prompt_tokens": 1, "cached_tokens": 2}), "messages"),
        (chat(sim={"cached_tokens": 1_000}), "messages"),
        (chat(sim={"completion_tokens": 1, "reasoning_tokens": 2}), "messages"),
        (chat(sim={"text": "", "completion_tokens": 1}), "messages"),
    ],
)
async def test_bad_input_is_refused_with_what_is_wrong(
    http: httpx.AsyncClient, body: bytes | Json, param: str | None
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await http.post("/v1/chat/completions", content=content)
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == REFUSAL_KEYS
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert len(error["message"]) > 10
    totals = await served(http)
    assert (totals["received"], totals["errors"], totals["in_flight"]) == (1, 1, 0)


async def test_text_that_only_mentions_the_marker_is_ordinary(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat("tell me about #sim cards"))
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 5 + 4


async def test_only_the_last_user_message_directs(client: AsyncOpenAI) -> None:
    messages: Any = [
        {"role": "user", "content": '#sim {"status":500}'},
        {"role": "user", "content": 'Now #sim {"text":"yes"} please'},
        {"role": "assistant", "content": '#sim {"text":"no"}'},
    ]
    answer = await client.chat.completions.create(model="m", messages=messages)
    assert answer.choices[0].message.content == "yes"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2 + 2 + 2 + 3 * 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/chat/completions", 405), ("POST", "/v1/batches", 404)],
)
async def test_what_it_does_not_have_is_refused_in_openais_shape(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await http.request(method, path)
    assert response.status_code == status
    assert set(response.json()["error"]) == REFUSAL_KEYS
