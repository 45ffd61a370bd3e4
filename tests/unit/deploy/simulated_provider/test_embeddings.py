"""Vectors: ``POST /v1/embeddings``."""

import base64
import struct
from typing import Any

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, served, told

PATH = "/v1/embeddings"


async def ask(http: httpx.AsyncClient, given: object, **fields: object) -> Json:
    response = await http.post(PATH, json={"model": "m", "input": given, **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


@pytest.mark.parametrize(
    ("given", "tokens", "vectors"),
    [("three words here", 3, 1), (["a b", "c"], 3, 2), ([5, 6], 2, 1), ([[5, 6], [7]], 3, 2), ("", 0, 1)],
)
async def test_each_input_gets_a_vector_and_is_counted(
    http: httpx.AsyncClient, given: Any, tokens: int, vectors: int
) -> None:
    answer = await ask(http, given)
    assert [each["index"] for each in answer["data"]] == list(range(vectors))
    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    books = (await served(http))["routes"][PATH]
    assert (books["requests"], books["prompt_tokens"], books["completion_tokens"]) == (1, tokens, 0)


async def test_base64_holds_the_same_floats(http: httpx.AsyncClient) -> None:
    plain = await ask(http, ["a", "b"], dimensions=3)
    packed = await ask(http, ["a", "b"], dimensions=3, encoding_format="base64")
    unpacked = [list(struct.unpack("<3f", base64.b64decode(each["embedding"]))) for each in packed["data"]]
    assert unpacked == [each["embedding"] for each in plain["data"]] == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


async def test_the_last_text_directs_and_usage_may_be_anything(http: httpx.AsyncClient) -> None:
    assert (await ask(http, ["x", told(prompt_tokens=99)]))["usage"]["prompt_tokens"] == 99
    assert "usage" not in await ask(http, told(omit_usage=True))
    stated = {"prompt_tokens": 5, "total_tokens": -1}
    assert (await ask(http, told(usage=stated)))["usage"] == stated
    books = await served(http)
    assert (books["prompt_tokens"], books["unreported"], books["unusable_usage"]) == (99, 1, 1)


async def test_it_fails_as_told(http: httpx.AsyncClient) -> None:
    response = await http.post(PATH, json={"model": "m", "input": told(status=503)})
    assert (response.status_code, response.json()["error"]["type"]) == (503, "server_error")
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(http, told(die_after_chunks=0))
    books = (await served(http))["routes"][PATH]
    assert (books["errors"], books["unfinished_answers"], books["requests"]) == (1, 1, 0)
