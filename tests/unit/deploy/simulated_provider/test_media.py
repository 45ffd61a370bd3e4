"""Images and audio, whose units are counted beside tokens."""

import base64
from typing import Any

import httpx
import pytest

from tests.unit.deploy.simulated_provider.asking import Json, served, told

GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"
SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
SOUND = {"file": ("a.wav", b"RIFF")}


async def draw(http: httpx.AsyncClient, prompt: str, **fields: object) -> Json:
    response = await http.post(GENERATIONS, json={"prompt": prompt, **fields})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def hear(http: httpx.AsyncClient, path: str = TRANSCRIPTIONS, /, **fields: str) -> Json:
    response = await http.post(path, data={"model": "m", **fields}, files=SOUND)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


async def test_images_are_drawn_and_counted(http: httpx.AsyncClient) -> None:
    answer = await draw(http, "a dot", n=3)
    assert len(answer["data"]) == 3
    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert "usage" not in answer
    assert len((await draw(http, told(images=2), n=5))["data"]) == 2
    books = (await served(http))["routes"][GENERATIONS]
    assert (books["requests"], books["images"], books["total_tokens"]) == (2, 5, 0)


async def test_images_report_tokens_when_told(http: httpx.AsyncClient) -> None:
    told_tokens = told(token_usage=True, prompt_tokens=9, completion_tokens=500)
    expected = {
        "input_tokens": 9,
        "input_tokens_details": {"text_tokens": 9, "image_tokens": 0},
        "output_tokens": 500,
        "total_tokens": 509,
    }
    assert (await draw(http, told_tokens))["usage"] == expected
    form = {"prompt": told_tokens, "n": "2"}
    files = [("image[]", ("a.png", b"1")), ("image[]", ("b.png", b"22"))]
    edited = (await http.post(EDITS, data=form, files=files)).json()
    assert (len(edited["data"]), edited["usage"]) == (2, expected)
    assert (await draw(http, told("two words", token_usage=True), n=2))["usage"]["output_tokens"] == 2 * 272
    assert (await draw(http, told(usage="nonsense")))["usage"] == "nonsense"
    books = await served(http)
    assert (books["images"], books["prompt_tokens"], books["completion_tokens"]) == (6, 20, 1544)
    assert books["unusable_usage"] == 1
    bodies = (await http.get("/sim/requests")).json()["requests"]
    assert bodies[1]["image"] == [{"filename": "a.png", "bytes": 1}, {"filename": "b.png", "bytes": 2}]


async def test_speech_counts_the_characters_it_was_given(http: httpx.AsyncClient) -> None:
    spoken = told("Olá, mundo", label="x")
    response = await http.post(SPEECH, json={"model": "tts-1", "input": spoken, "voice": "alloy"})
    assert (response.status_code, response.headers["content-type"]) == (200, "audio/wav")
    assert response.content.startswith(b"RIFF")
    assert (await served(http))["labels"]["x"]["characters"] == len(spoken)


async def test_a_transcription_reports_its_seconds_rounded_up(http: httpx.AsyncClient) -> None:
    answer = await hear(http, prompt=told(text="heard this", seconds=12.5))
    assert answer == {"text": "heard this", "usage": {"type": "duration", "seconds": 13}}
    told_more = await hear(
        http, TRANSLATIONS, prompt=told(text="heard this", seconds=2), response_format="verbose_json", stream="false"
    )
    assert (told_more["task"], told_more["duration"], told_more["text"]) == ("translate", 2.0, "heard this")
    assert (await hear(http))["usage"]["seconds"] == 1
    books = await served(http)
    assert (books["requests"], books["seconds"], books["total_tokens"]) == (3, 16, 0)
    assert books["routes"][TRANSLATIONS]["seconds"] == 2


async def test_a_transcription_reports_tokens_when_told(http: httpx.AsyncClient) -> None:
    answer = await hear(http, prompt=told(token_usage=True, prompt_tokens=40, completion_tokens=5, seconds=3))
    assert answer["usage"] == {
        "type": "tokens",
        "input_tokens": 40,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 40},
        "output_tokens": 5,
        "total_tokens": 45,
    }
    assert len(answer["text"].split()) == 5
    books = await served(http)
    assert (books["prompt_tokens"], books["completion_tokens"], books["seconds"]) == (40, 5, 3)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"type": "duration", "seconds": 7}, {"requests": 1, "total_tokens": 0}),
        ({"type": "tokens", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}, {"total_tokens": 3}),
        ({"type": "tokens"}, {"unusable_usage": 1, "requests": 0}),
    ],
)
async def test_a_stated_usage_is_reported_verbatim(http: httpx.AsyncClient, usage: Json, counted: Json) -> None:
    assert (await hear(http, prompt=told(usage=usage)))["usage"] == usage
    assert counted.items() <= (await served(http)).items()
    assert "usage" not in await hear(http, prompt=told(omit_usage=True))
    assert (await served(http))["unreported"] == 1


async def test_a_plain_text_can_be_asked_for(http: httpx.AsyncClient) -> None:
    form = {"model": "m", "prompt": told(text="just this"), "response_format": "text"}
    response = await http.post(TRANSCRIPTIONS, data=form, files=SOUND)
    assert (response.text, response.headers["content-type"]) == ("just this", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "form", "files", "param"),
    [
        (TRANSCRIPTIONS, {"model": "m"}, {"other": ("a", b"b")}, "file"),
        (TRANSCRIPTIONS, {}, SOUND, "model"),
        (TRANSCRIPTIONS, {"model": "m", "stream": "true"}, SOUND, None),
        (TRANSCRIPTIONS, {"model": "m", "response_format": "srt"}, SOUND, "response_format"),
        (TRANSCRIPTIONS, {"model": "m", "prompt": told(images=1)}, SOUND, "prompt"),
        (EDITS, {"prompt": "x", "n": "many"}, {"image": ("a", b"b")}, "n"),
        (EDITS, {"prompt": "x"}, {"other": ("a", b"b")}, "image"),
    ],
)
async def test_a_form_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, path: str, form: Json, files: Any, param: str | None
) -> None:
    response = await http.post(path, data=form, files=files)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


async def test_a_broken_form_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = await http.post(EDITS, content=b"--x\r\nnonsense\r\n", headers=headers)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")
