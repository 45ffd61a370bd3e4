"""What a directive can have answered."""

import json

import httpx
import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import chat, events, served


async def test_usage_is_as_chosen_to_the_token(client: AsyncOpenAI) -> None:
    sim = {
        "prompt_tokens": 120,
        "cached_tokens": 20,
        "completion_tokens": 300,
        "reasoning_tokens": 50,
    }
    answer = await client.chat.completions.create(**chat(sim=sim))
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_unset=True) == {
        "prompt_tokens": 120,
        "completion_tokens": 300,
        "total_tokens": 420,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 50},
    }
    assert len((answer.choices[0].message.content or "").split()) == 250


async def test_reasoning_may_eat_the_whole_cap(client: AsyncOpenAI) -> None:
    sim = {"completion_tokens": 100, "reasoning_tokens": 60}
    answer = await client.chat.completions.create(**chat(sim=sim, max_tokens=40))
    assert answer.choices[0].message.content == ""
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 40


async def test_a_text_is_given_as_it_is(client: AsyncOpenAI) -> None:
    sim = {"text": "  two\n pieces ", "finish_reason": "content_filter"}
    answer = await client.chat.completions.create(**chat(sim=sim))
    assert answer.choices[0].message.content == "  two\n pieces "
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize(("tokens", "text"), [(5, "a b a b a"), (1, "a"), (0, "")])
async def test_a_text_is_repeated_or_cut_to_the_tokens_chosen(client: AsyncOpenAI, tokens: int, text: str) -> None:
    sim = {"text": "a b", "completion_tokens": tokens}
    answer = await client.chat.completions.create(**chat(sim=sim))
    assert answer.choices[0].message.content == text


async def test_tools_are_called(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    function = {"name": "weather", "arguments": {"city": "São Paulo", "days": 2}}
    sim = {"tool_calls": [{"id": "call_1", "function": function}, {"function": {"name": "now"}}]}
    answer = await client.chat.completions.create(**chat(sim=sim))
    message = answer.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    weather, now = message.tool_calls
    assert weather.type == now.type == "function"
    assert (weather.id, weather.function.name) == ("call_1", "weather")
    assert json.loads(weather.function.arguments) == function["arguments"]
    assert (now.function.name, now.function.arguments) == ("now", "{}")
    assert answer.choices[0].finish_reason == "tool_calls"

    body = chat(sim=sim, stream=True, stream_options={"include_usage": True})
    *chunks, last = events((await http.post("/v1/chat/completions", json=body)).text)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": None}
    parts = [part for delta in deltas for part in delta.get("tool_calls", [])]
    assert len(parts) == last["usage"]["completion_tokens"]
    assert answer.usage is not None
    assert len(parts) == answer.usage.completion_tokens
    arguments = "".join(part["function"]["arguments"] for part in parts if part["index"] == 0)
    assert arguments == weather.function.arguments


async def test_tool_calls_are_cut_by_a_cap_and_may_cost_more_than_they_show(
    client: AsyncOpenAI,
) -> None:
    call = {"function": {"name": "f", "arguments": "one two three"}}
    sim = {"tool_calls": [call], "text": "Wait:"}
    answer = await client.chat.completions.create(**chat(sim=sim, max_tokens=3))
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "Wait:"
    assert answer.choices[0].message.tool_calls is not None
    assert answer.choices[0].message.tool_calls[0].function.arguments == "one"
    answer = await client.chat.completions.create(**chat(sim=sim | {"completion_tokens": 90}))
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 90


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 1, "total_tokens": -4},
        {"prompt_tokens": "NaN", "completion_tokens": 1.5, "total_tokens": 2},
        {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": True},
        {"prompt_tokens": 3},
        {},
        [],
        None,
        "nonsense",
    ],
)
async def test_nonsense_is_reported_verbatim_and_not_added_up(http: httpx.AsyncClient, usage: object) -> None:
    whole = await http.post("/v1/chat/completions", json=chat(sim={"usage": usage}))
    assert whole.json()["usage"] == usage
    body = chat(sim={"usage": usage}, stream=True, stream_options={"include_usage": True})
    stream = await http.post("/v1/chat/completions", json=body)
    assert events(stream.text)[-1]["usage"] == usage
    totals = await served(http)
    assert (totals["requests"], totals["unusable_usage"], totals["total_tokens"]) == (0, 2, 0)


async def test_a_huge_usage_is_added_up_exactly(http: httpx.AsyncClient) -> None:
    usage = {"prompt_tokens": 10**30, "completion_tokens": 1, "total_tokens": 7}
    await http.post("/v1/chat/completions", json=chat(sim={"usage": usage}))
    assert usage.items() <= (await served(http)).items()


async def test_usage_can_be_left_out(http: httpx.AsyncClient) -> None:
    whole = await http.post("/v1/chat/completions", json=chat(sim={"omit_usage": True}))
    assert "usage" not in whole.json()
    body = chat(sim={"omit_usage": True}, stream=True, stream_options={"include_usage": True})
    stream = await http.post("/v1/chat/completions", json=body)
    assert all("usage" not in event for event in events(stream.text))
    assert (await served(http))["unreported"] == 2
