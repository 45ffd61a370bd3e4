"""OpenAI's responses: ``POST /v1/responses``."""

import json

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, named_events, served, told

PATH = "/v1/responses"
FIGURES = {"prompt_tokens": 120, "cached_tokens": 20, "completion_tokens": 30, "reasoning_tokens": 5}
USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 20},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 150,
}
CALL = {"id": "call_1", "function": {"name": "weather", "arguments": {"city": "São Paulo"}}}


async def ask(http: httpx.AsyncClient, given: object, **fields: object) -> Json:
    response = await http.post(PATH, json={"model": "m", "input": given, **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def stream(http: httpx.AsyncClient, given: object, **fields: object) -> list[Json]:
    body = {"model": "m", "input": given, "stream": True, **fields}
    found = named_events((await http.post(PATH, json=body)).text)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


async def test_usage_is_as_chosen_to_the_token(http: httpx.AsyncClient) -> None:
    answer = await ask(http, told(**FIGURES), background=True)
    assert answer["usage"] == USAGE
    assert (answer["status"], answer["background"]) == ("completed", True)
    assert len(answer["output"][0]["content"][0]["text"].split()) == 25
    books = (await served(http))["routes"][PATH]
    assert FIGURES.items() <= books.items()
    assert books["total_tokens"] == 150


async def test_items_and_instructions_are_counted(http: httpx.AsyncClient) -> None:
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "two words"}]},
        {"type": "function_call_output", "call_id": "x", "output": "not read"},
        {"role": "user", "content": told("and three more", completion_tokens=2)},
    ]
    usage = (await ask(http, items, instructions="Be kind."))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (2 + 3 + 2 + 3 * 4, 2)
    assert (await ask(http, "Only this"))["usage"]["input_tokens"] == 2 + 4


@pytest.mark.parametrize("cap", [1, 7])
async def test_a_cap_leaves_it_incomplete(http: httpx.AsyncClient, cap: int) -> None:
    given = told(completion_tokens=30)
    answer = await ask(http, given, max_output_tokens=cap)
    last = (await stream(http, given, max_output_tokens=cap))[-1]
    assert last["type"] == "response.incomplete"
    for response in (answer, last["response"]):
        assert response["status"] == "incomplete"
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}
        assert response["usage"]["output_tokens"] == cap


async def test_a_stream_tells_every_step(http: httpx.AsyncClient) -> None:
    found = await stream(http, told(text="a b", **{**FIGURES, "completion_tokens": 7}))
    assert [event["type"].removeprefix("response.") for event in found] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["delta"] for event in found if event["type"].endswith("text.delta")] == ["a", " b"]
    assert (found[0]["response"]["status"], found[0]["response"]["usage"]) == ("in_progress", None)
    response = found[-1]["response"]
    assert response["output"] == [found[-2]["item"]]
    assert response["output"][0]["content"][0]["text"] == found[6]["text"] == "a b"
    assert response["usage"] == USAGE | {"output_tokens": 7, "total_tokens": 127}


async def test_functions_are_called_after_the_text(http: httpx.AsyncClient) -> None:
    given = told(text="Wait:", tool_calls=[CALL, {"function": {"name": "now"}}])
    found = await stream(http, given)
    whole = await ask(http, given)
    for output in (whole["output"], found[-1]["response"]["output"]):
        assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
        assert (output[1]["call_id"], output[1]["name"]) == ("call_1", "weather")
        assert json.loads(output[1]["arguments"]) == CALL["function"]["arguments"]  # type: ignore[index]
        assert output[2]["arguments"] == "{}"
    deltas = [event for event in found if event["type"] == "response.function_call_arguments.delta"]
    assert "".join(event["delta"] for event in deltas if event["output_index"] == 1) == output[1]["arguments"]
    assert [event["output_index"] for event in found if event["type"] == "response.output_item.done"] == [0, 1, 2]


async def test_a_stream_that_breaks_off_ends_without_usage(http: httpx.AsyncClient) -> None:
    received = ""
    body = {"model": "m", "input": told(text="a b c", die_after_chunks=2), "stream": True}
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - it dies while it is read
        async with http.stream("POST", PATH, json=body) as response:
            async for text in response.aiter_text():
                received += text
    assert [event["type"] for event in named_events(received)][-1] == "response.output_text.delta"
    books = (await served(http))["routes"][PATH]
    assert (books["unfinished_streams"], books["unfinished_pieces"], books["requests"]) == (1, 2, 0)


async def test_usage_can_be_left_out_or_stated(http: httpx.AsyncClient) -> None:
    assert "usage" not in await ask(http, told(omit_usage=True))
    assert "usage" not in (await stream(http, told(omit_usage=True)))[-1]["response"]
    stated = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 9}
    assert (await ask(http, told(usage=stated)))["usage"] == stated
    assert (await stream(http, told(usage="nonsense")))[-1]["response"]["usage"] == "nonsense"
    books = await served(http)
    assert (books["unreported"], books["unusable_usage"]) == (2, 1)
    assert (books["prompt_tokens"], books["completion_tokens"], books["total_tokens"]) == (3, 4, 9)
