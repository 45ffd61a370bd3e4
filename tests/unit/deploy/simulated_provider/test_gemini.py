"""Google's Gemini: ``:generateContent`` and ``:streamGenerateContent``."""

import json
from typing import Any

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, served, told

MODELS = "/v1beta/models"
WHOLE = f"{MODELS}/{{model}}:generateContent"
STREAM = f"{MODELS}/{{model}}:streamGenerateContent"
FIGURES = {"prompt_tokens": 120, "cached_tokens": 20, "completion_tokens": 30, "reasoning_tokens": 5}
USAGE = {
    "promptTokenCount": 120,
    "candidatesTokenCount": 25,
    "totalTokenCount": 150,
    "cachedContentTokenCount": 20,
    "thoughtsTokenCount": 5,
}


def contents(text: str) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


async def ask(http: httpx.AsyncClient, text: str, **fields: object) -> Json:
    response = await http.post(WHOLE.format(model="m"), json=contents(text) | fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def stream(http: httpx.AsyncClient, text: str, **fields: object) -> list[Json]:
    response = await http.post(f"{STREAM.format(model='m')}?alt=sse", json=contents(text) | fields)
    *found, rest = response.text.split("\n\n")
    assert rest == ""
    return [json.loads(event.removeprefix("data: ")) for event in found]


async def test_thoughts_are_beside_the_candidates(http: httpx.AsyncClient) -> None:
    answer = await ask(http, told(**FIGURES))
    assert answer["usageMetadata"] == USAGE
    assert answer["modelVersion"] == "m"
    candidate = answer["candidates"][0]
    assert (candidate["finishReason"], candidate["index"]) == ("STOP", 0)
    assert len(candidate["content"]["parts"][0]["text"].split()) == 25
    books = (await served(http))["routes"][WHOLE]
    assert FIGURES.items() <= books.items()


async def test_a_stream_tells_how_far_it_got(http: httpx.AsyncClient) -> None:
    found = await stream(http, told(text="a b", **{**FIGURES, "completion_tokens": 7}))
    assert [event["candidates"][0]["content"]["parts"][0]["text"] for event in found] == ["a", " b", ""]
    assert [event["usageMetadata"]["candidatesTokenCount"] for event in found] == [1, 2, 2]
    assert [event["usageMetadata"]["totalTokenCount"] for event in found] == [126, 127, 127]
    assert [event["candidates"][0].get("finishReason") for event in found] == [None, None, "STOP"]
    assert (await served(http))["routes"][STREAM]["completion_tokens"] == 7


@pytest.mark.parametrize("name", ["maxOutputTokens", "max_output_tokens"])
async def test_a_cap_ends_every_candidate(http: httpx.AsyncClient, name: str) -> None:
    config = {name: 3, "candidateCount": 2}
    whole = await ask(http, "Hello", generationConfig=config)
    *_, last = await stream(http, "Hello", generationConfig=config)
    for answer in (whole, last):
        assert [candidate["finishReason"] for candidate in answer["candidates"]] == ["MAX_TOKENS"] * 2
        assert answer["usageMetadata"]["candidatesTokenCount"] == 6


async def test_the_system_and_the_contents_are_counted(http: httpx.AsyncClient) -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [
            {"parts": [{"text": "two words"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"inlineData": {}}, {"text": "and more"}]},
        ],
    }
    usage = (await http.post(WHOLE.format(model="m"), json=body)).json()["usageMetadata"]
    assert usage["promptTokenCount"] == 2 + 2 + 2 + 3 * 4


async def test_functions_are_called_in_one_piece(http: httpx.AsyncClient) -> None:
    call = {"id": "c1", "function": {"name": "weather", "arguments": {"city": "São Paulo"}}}
    text = told(text="Wait:", tool_calls=[call])
    expected = {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "São Paulo"}}}
    answer = await ask(http, text)
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "Wait:"}, expected]
    *_, last = await stream(http, text)
    assert last["candidates"][0]["content"]["parts"] == [expected]
    assert last["usageMetadata"] == answer["usageMetadata"]


@pytest.mark.parametrize(
    ("status", "name"), [(429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (400, "INVALID_ARGUMENT")]
)
async def test_errors_have_googles_shape(http: httpx.AsyncClient, status: int, name: str) -> None:
    response = await http.post(STREAM.format(model="m"), json=contents(told(status=status)))
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["code"], error["status"]) == (status, name)


@pytest.mark.parametrize("body", [{}, {"contents": []}, contents("#sim {"), contents(told(best=1)), []])
async def test_what_makes_no_sense_is_refused_in_its_shape(http: httpx.AsyncClient, body: Any) -> None:
    response = await http.post(WHOLE.format(model="m"), json=body)
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_usage_can_be_left_out_or_stated(http: httpx.AsyncClient) -> None:
    assert all("usageMetadata" not in event for event in await stream(http, told(omit_usage=True)))
    stated = {"promptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 6}
    assert all(event["usageMetadata"] == stated for event in await stream(http, told(usage=stated)))
    assert (await ask(http, told(usage={})))["usageMetadata"] == {}
    books = await served(http)
    assert (books["unreported"], books["unusable_usage"]) == (1, 1)
    assert (books["prompt_tokens"], books["completion_tokens"], books["reasoning_tokens"]) == (1, 5, 3)


async def test_a_stream_breaks_off(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await stream(http, told(text="a b c", die_after_chunks=2))
    books = (await served(http))["routes"][STREAM]
    assert (books["unfinished_streams"], books["unfinished_pieces"], books["requests"]) == (1, 2, 0)
