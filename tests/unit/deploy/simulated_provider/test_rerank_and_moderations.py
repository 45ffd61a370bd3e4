"""Routes that answer about texts: reranking and moderation."""

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, served, told

DOCUMENTS = ["one", {"text": "two words"}, "three"]


async def rank(http: httpx.AsyncClient, query: str, path: str = "/v2/rerank", **fields: object) -> Json:
    body = {"model": "m", "query": query, "documents": DOCUMENTS, **fields}
    response = await http.post(path, json=body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
async def test_documents_are_ranked_and_search_units_billed(http: httpx.AsyncClient, path: str) -> None:
    answer = await rank(http, "which?", path, top_n=2, return_documents=True)
    assert [(result["index"], result["document"]["text"]) for result in answer["results"]] == [
        (2, "three"),
        (1, "two words"),
    ]
    assert answer["meta"]["billed_units"] == {"search_units": 1}
    assert "usage" not in answer
    assert (await served(http))["routes"][path]["search_units"] == 1


async def test_a_unit_is_a_hundred_documents_unless_told(http: httpx.AsyncClient) -> None:
    many = await rank(http, "which?", documents=["x"] * 101)
    assert many["meta"]["billed_units"]["search_units"] == 2
    chosen = await rank(http, told(search_units=7))
    assert chosen["meta"]["billed_units"]["search_units"] == 7
    assert (await served(http))["search_units"] == 9


async def test_tokens_are_reported_when_told(http: httpx.AsyncClient) -> None:
    counted = await rank(http, told("which one?", token_usage=True))
    assert counted["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    assert (await rank(http, told(token_usage=True, prompt_tokens=44)))["usage"]["total_tokens"] == 44
    assert (await rank(http, told(usage=[])))["usage"] == []
    silent = await rank(http, told(omit_usage=True))
    assert not silent.keys() & {"usage", "meta"}
    books = await served(http)
    assert (books["total_tokens"], books["unusable_usage"], books["unreported"]) == (50, 1, 1)


@pytest.mark.parametrize(
    ("given", "results"),
    [("one", 1), (["one", "two"], 2), ([{"type": "text", "text": "one"}, {"type": "image_url"}], 1)],
)
async def test_texts_are_judged_for_nothing(http: httpx.AsyncClient, given: object, results: int) -> None:
    response = await http.post("/v1/moderations", json={"input": given})
    found = response.json()["results"]
    assert [result["flagged"] for result in found] == [False] * results
    books = (await served(http))["routes"]["/v1/moderations"]
    assert (books["requests"], books["total_tokens"]) == (1, 0)


async def test_they_fail_as_told(http: httpx.AsyncClient) -> None:
    failing = await http.post("/v1/moderations", json={"input": ["a", told(status=500, label="x")]})
    assert failing.status_code == 500
    wrong = await http.post("/v1/moderations", json={"input": told(usage=1)})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "input")
    assert (await served(http))["labels"]["x"]["errors"] == 1
