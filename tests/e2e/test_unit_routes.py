"""Routes that are paid by the image, second, character or call: held by their price, booked by what was done."""

from __future__ import annotations

import io
import wave
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.routes import directive
from tests.e2e.world import User, World, until


def ask(user: User, path: str, **body: Any) -> httpx.Response:
    with user.world.proxy.client(user.key) as client:
        return client.post(path, json=body)


def sound(seconds: int) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(bytes(8000 * seconds))
    return file.getvalue()


def transcribe(user: User, told: str, data: bytes, **form: str) -> httpx.Response:
    with user.world.proxy.client(user.key) as client:
        files = {"file": ("speech.wav", data, "audio/wav")}
        return client.post("/v1/audio/transcriptions", files=files, data={"model": "ear", "prompt": told, **form})


def edit(user: User, **form: str) -> httpx.Response:
    with user.world.proxy.client(user.key) as client:
        files = {"image": ("a.png", b"\x89PNG" + bytes(100), "image/png")}
        return client.post("/v1/images/edits", files=files, data={"model": "image", **form})


def test_images_are_booked_by_their_number(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = ask(user, "/v1/images/generations", model="image", prompt=directive("a dot"), n=2)
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    # Two images at 1,000 and one call at a half, rounded up once.
    assert (row["charge"], row["source"], row["input_tokens"], row["output_tokens"]) == (2001, "price", 0, 0)
    assert row["held"] > 2001
    assert answer.headers["x-solaris-quota-used"] == "2001"
    (entry,) = world.rows(
        "SELECT details::jsonb AS said FROM solaris.entries WHERE account_id = %s AND kind = 'usage'", user.account_id
    )
    assert entry["said"]["more"]["units"] == {"image": "2", "call": "1"}
    assert entry["said"]["more"]["prices"] == {"image": "1000", "call": "0.5"}


def test_tokens_that_an_image_model_reports_are_booked_with_the_weights(world: World) -> None:
    user = world.user(tokens=100_000)
    told = directive("a dot", token_usage=True, prompt_tokens=9, completion_tokens=500)
    assert ask(user, "/v1/images/generations", model="image", prompt=told).status_code == 200
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (9 + 2 * 500, "provider")


def test_edited_images_are_booked_too(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = edit(user, prompt=directive("a dot"), n="3")
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (3001, "price")


def test_a_price_of_nothing_is_free_whatever_is_reported(world: World) -> None:
    user = world.user(tokens=1)
    told = directive("a dot", token_usage=True, prompt_tokens=9, completion_tokens=500)
    assert ask(user, "/v1/images/generations", model="free-image", prompt=told).status_code == 200
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (0, "price")


def test_more_images_than_the_balance_pays_for_are_refused(world: World) -> None:
    user = world.user(tokens=1500)
    answer = ask(user, "/v1/images/generations", model="image", prompt=directive("x", label="too-many"), n=2)
    assert answer.status_code == 402
    assert world.bodies("too-many") == []


def test_speech_is_booked_by_its_characters(world: World) -> None:
    user = world.user(tokens=100_000)
    text = "Olá, ação! " * 7
    answer = ask(user, "/v1/audio/speech", model="voice", input=text, voice="alloy")
    assert answer.status_code == 200
    (row,) = user.settled()
    charge = -(-3 * len(text) // 2)
    assert (row["charge"], row["held"], row["source"]) == (charge, charge, "price")
    assert answer.headers["x-solaris-quota-used"] == str(charge)


def test_a_transcription_is_booked_by_the_seconds_that_the_provider_reports(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = transcribe(user, directive("", seconds=12), sound(30))
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert (row["charge"], row["held"], row["source"]) == (120, 300, "price")
    assert answer.headers["x-solaris-quota-used"] == "120"


def test_a_transcription_that_is_paid_by_the_token_is_booked_by_its_tokens(world: World) -> None:
    user = world.user(tokens=100_000)
    told = directive("", token_usage=True, prompt_tokens=90, completion_tokens=15)
    assert transcribe(user, told, sound(30)).status_code == 200
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (105, "provider")


def test_a_longer_file_than_the_balance_pays_for_is_refused(world: World) -> None:
    assert transcribe(world.user(tokens=299), directive(""), sound(30)).status_code == 402


def test_reranking_is_booked_by_the_searches_that_the_provider_reports(world: World) -> None:
    user = world.user(tokens=100_000)
    told = directive("which", search_units=3)
    answer = ask(user, "/v1/rerank", model="ranker", query=told, documents=["a", "b"])
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (300, "price")
    assert answer.headers["x-solaris-quota-used"] == "300"


def test_reranking_that_is_paid_by_the_token_is_booked_by_its_tokens(world: World) -> None:
    user = world.user(tokens=100_000)
    told = directive("which", token_usage=True, prompt_tokens=44)
    answer = ask(user, "/v1/rerank", model="token-ranker", query=told, documents=["a", "b"])
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (44, "provider")


def test_a_moderation_is_booked_as_a_call(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = ask(user, "/v1/moderations", model="judge", input=directive())
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert (row["charge"], row["held"], row["source"]) == (7, 7, "price")
    assert answer.headers["x-solaris-quota-used"] == "7"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"model": "image", "prompt": directive(status=400)}),
        ("/v1/audio/speech", {"model": "voice", "input": directive(status=400), "voice": "alloy"}),
        ("/v1/rerank", {"model": "ranker", "query": directive(status=400), "documents": ["a"]}),
        ("/v1/moderations", {"model": "judge", "input": directive(status=400)}),
    ],
)
def test_an_error_of_the_provider_costs_nothing_where_units_are_paid(
    world: World, path: str, body: dict[str, Any]
) -> None:
    user = world.user(tokens=100_000)
    assert ask(user, path, **body).status_code >= 400
    until(lambda: user.held == 0)
    assert user.used == 0


def test_streams_of_images_are_refused(world: World) -> None:
    user = world.user(tokens=100_000)
    for answer in (
        edit(user, prompt="x", stream="true"),
        ask(user, "/v1/images/generations", model="image", prompt="x", stream=True),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["param"] == "stream"


def test_the_official_client_is_served_on_routes_without_tokens(world: World) -> None:
    user = world.user(tokens=100_000)
    client = openai.OpenAI(base_url=f"{world.proxy.base_url}/v1", api_key=user.key)
    assert client.images.generate(model="image", prompt=directive("a dot")).data
    assert client.audio.speech.create(model="voice", input="hello", voice="alloy").content
    told = directive("", seconds=5)
    assert client.audio.transcriptions.create(model="ear", file=("a.wav", sound(5)), prompt=told).text
    assert client.moderations.create(model="judge", input="hello").results
    assert sorted(row["charge"] for row in user.settled(4)) == [7, 8, 50, 1001]
