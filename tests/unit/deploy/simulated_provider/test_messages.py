"""Anthropic's messages: ``POST /v1/messages`` and ``/v1/messages/count_tokens``."""

from typing import Any

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, chat, named_events, served, told

PATH = "/v1/messages"
FIGURES = {
    "prompt_tokens": 120,
    "cached_tokens": 20,
    "cache_creation_tokens": 10,
    "completion_tokens": 30,
    "reasoning_tokens": 5,
}
USAGE = {
    "input_tokens": 90,
    "cache_creation_input_tokens": 10,
    "cache_read_input_tokens": 20,
    "output_tokens": 30,
    "output_tokens_details": {"thinking_tokens": 5},
}


async def ask(http: httpx.AsyncClient, sim: Json | None = None, **fields: object) -> Json:
    response = await http.post(PATH, json=chat(sim=sim, **{"max_tokens": 1_000, **fields}))
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def stream(http: httpx.AsyncClient, sim: Json, **fields: object) -> list[Json]:
    body = chat(sim=sim, **{"max_tokens": 1_000, "stream": True, **fields})
    return named_events((await http.post(PATH, json=body)).text)


async def test_the_cache_is_beside_the_input_tokens(http: httpx.AsyncClient) -> None:
    answer = await ask(http, FIGURES)
    assert answer["usage"] == USAGE
    assert answer["stop_reason"] == "end_turn"
    thinking, text = answer["content"]
    assert (thinking["type"], len(thinking["thinking"].split())) == ("thinking", 5)
    assert (text["type"], len(text["text"].split())) == ("text", 25)
    books = (await served(http))["routes"][PATH]
    assert FIGURES.items() <= books.items()
    assert books["total_tokens"] == 150


async def test_a_stream_tells_the_input_first_and_the_whole_output_last(http: httpx.AsyncClient) -> None:
    sim = {**FIGURES, "completion_tokens": 4, "reasoning_tokens": 2, "text": "a b"}
    found = await stream(http, sim)
    delta, start, stop = "content_block_delta", "content_block_start", "content_block_stop"
    assert [event["type"] for event in found] == [
        *("message_start", "ping"),
        *(start, delta, delta, delta, stop),
        *(start, delta, delta, stop),
        *("message_delta", "message_stop"),
    ]
    begun = {name: figure for name, figure in USAGE.items() if name != "output_tokens_details"}
    assert found[0]["message"]["usage"] == begun | {"output_tokens": 1}
    deltas = [(event["index"], event["delta"]["type"]) for event in found if event["type"] == delta]
    assert deltas == [
        *[(0, "thinking_delta")] * 2,
        (0, "signature_delta"),
        *[(1, "text_delta")] * 2,
    ]
    end = found[-2]
    assert end["delta"]["stop_reason"] == "end_turn"
    assert end["usage"] == USAGE | {"output_tokens": 4, "output_tokens_details": {"thinking_tokens": 2}}


async def test_a_cap_stops_it(http: httpx.AsyncClient) -> None:
    answer = await ask(http, max_tokens=3)
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 3)
    found = await stream(http, {"completion_tokens": 50}, max_tokens=3)
    assert (found[-2]["delta"]["stop_reason"], found[-2]["usage"]["output_tokens"]) == ("max_tokens", 3)


async def test_the_system_and_the_messages_are_counted_by_both_routes(http: httpx.AsyncClient) -> None:
    system = [{"type": "text", "text": "You are kind.", "cache_control": {"type": "ephemeral"}}]
    body = chat("two words", sim={"label": "x"}, system=system, max_tokens=5)
    expected = 3 + 2 + 4
    assert (await http.post(PATH, json=body)).json()["usage"]["input_tokens"] == expected
    assert (await http.post(f"{PATH}/count_tokens", json=body)).json() == {"input_tokens": expected}
    books = await served(http)
    assert books["routes"][f"{PATH}/count_tokens"]["total_tokens"] == 0
    assert books["labels"]["x"]["requests"] == 2
    sure = chat(sim={"prompt_tokens": 55})
    assert (await http.post(f"{PATH}/count_tokens", json=sure)).json() == {"input_tokens": 55}


@pytest.mark.parametrize(
    ("arguments", "cap", "read"),
    [({"city": "São Paulo"}, 100, {"city": "São Paulo"}), ({"city": "São Paulo"}, 2, {}), ("[1]", 100, {})],
)
async def test_tools_are_used(http: httpx.AsyncClient, arguments: Any, cap: int, read: Json) -> None:
    sim = {"tool_calls": [{"id": "toolu_1", "function": {"name": "weather", "arguments": arguments}}]}
    answer = await ask(http, sim, max_tokens=cap)
    assert answer["content"] == [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": read}]
    found = await stream(http, sim, max_tokens=cap)
    assert found[2]["content_block"] == {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    assert found[-2]["delta"]["stop_reason"] == ("tool_use" if cap == 100 else "max_tokens")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error"), (418, "invalid_request_error")],
)
async def test_errors_have_anthropics_shape(http: httpx.AsyncClient, status: int, kind: str) -> None:
    response = await http.post(PATH, json=chat(sim={"status": status}, max_tokens=5))
    assert response.status_code == status
    found = response.json()
    assert (found["type"], found["error"]["type"]) == ("error", kind)


@pytest.mark.parametrize("body", [chat(), chat(max_tokens=5, sim={"nonsense": 1}), {"max_tokens": 1}, []])
async def test_what_makes_no_sense_is_refused_in_its_shape(http: httpx.AsyncClient, body: Any) -> None:
    response = await http.post(PATH, json=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    books = (await served(http))["routes"][PATH]
    assert (books["received"], books["errors"]) == (1, 1)


async def test_a_stated_usage_is_told_first_and_last(http: httpx.AsyncClient) -> None:
    stated = {"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 3}
    found = await stream(http, {"usage": stated})
    assert found[0]["message"]["usage"] == found[-2]["usage"] == stated
    found = await stream(http, {"omit_usage": True})
    assert "usage" not in found[0]["message"]
    assert "usage" not in found[-2]
    books = await served(http)
    assert (books["prompt_tokens"], books["completion_tokens"], books["cached_tokens"]) == (3, 3, 2)
    assert books["unreported"] == 1


async def test_a_stream_that_breaks_off_counts_its_thoughts_too(http: httpx.AsyncClient) -> None:
    body = chat(sim={**FIGURES, "die_after_chunks": 7}, max_tokens=100, stream=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(PATH, json=body)
    books = (await served(http))["routes"][PATH]
    assert (books["unfinished_streams"], books["unfinished_pieces"]) == (1, 7)


async def test_a_directive_in_a_part_of_the_last_message_is_read(http: httpx.AsyncClient) -> None:
    content = [{"type": "image", "source": {}}, {"type": "text", "text": told(completion_tokens=2)}]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    assert (await http.post(PATH, json=body)).json()["usage"]["output_tokens"] == 2
