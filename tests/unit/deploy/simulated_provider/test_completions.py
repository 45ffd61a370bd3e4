"""Texts continued: ``POST /v1/completions``."""

from typing import Any

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, events, served, told

PATH = "/v1/completions"


async def ask(http: httpx.AsyncClient, prompt: object, **fields: object) -> Json:
    response = await http.post(PATH, json={"model": "m", "prompt": prompt, **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


@pytest.mark.parametrize(
    ("prompt", "tokens", "choices"),
    [
        ("three words here", 3, 1),
        (["three words here", "two more"], 5, 2),
        ([1, 2, 3, 4], 4, 1),
        ([[1, 2], [3]], 3, 2),
    ],
)
async def test_each_prompt_is_answered_and_its_words_or_ids_are_counted(
    http: httpx.AsyncClient, prompt: Any, tokens: int, choices: int
) -> None:
    answer = await ask(http, prompt, max_tokens=6)
    assert [choice["index"] for choice in answer["choices"]] == list(range(choices))
    assert {len(choice["text"].split()) for choice in answer["choices"]} == {6}
    assert {choice["finish_reason"] for choice in answer["choices"]} == {"length"}
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (tokens, 6 * choices)


async def test_the_best_of_many_are_shown_and_all_are_counted(http: httpx.AsyncClient) -> None:
    answer = await ask(http, ["one", told(completion_tokens=10, prompt_tokens=7)], n=2, best_of=5)
    assert len(answer["choices"]) == 4
    assert answer["usage"]["completion_tokens"] == 10 * 5 * 2
    assert answer["usage"]["prompt_tokens"] == 7


async def test_a_stream_carries_the_same_text_and_usage_only_if_asked(http: httpx.AsyncClient) -> None:
    prompt = told(text="a b c", cached_tokens=1, reasoning_tokens=2, completion_tokens=5)
    body = {"model": "m", "prompt": prompt, "n": 2, "stream": True}
    asked = body | {"stream_options": {"include_usage": True}}
    *chunks, last = events((await http.post(PATH, json=asked)).text)
    for index in range(2):
        choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
        assert [choice["text"] for choice in choices] == ["a", " b", " c", ""]
        assert [choice["finish_reason"] for choice in choices] == [None, None, None, "stop"]
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 10)
    assert all("usage" not in event for event in events((await http.post(PATH, json=body)).text))
    books = (await served(http))["routes"][PATH]
    assert (books["requests"], books["unreported"], books["received"]) == (1, 1, 2)
    assert (books["cached_tokens"], books["reasoning_tokens"]) == (1, 4)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": "a", "n": 3, "best_of": 2}, None),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ({"prompt": told(tool_calls=[])}, "prompt"),
        ({"prompt": told(cache_creation_tokens=1)}, "prompt"),
    ],
)
async def test_what_makes_no_sense_is_refused(http: httpx.AsyncClient, fields: Json, param: str | None) -> None:
    response = await http.post(PATH, json={"model": "m", **fields})
    assert response.status_code == 400
    found = response.json()["error"]["param"]
    assert found == param or found.startswith(f"{param}.")
