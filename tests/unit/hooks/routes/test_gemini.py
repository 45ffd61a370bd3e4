"""Google's generateContent: two spellings of everything, thoughts beside the answer, figures that grow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.usage import Usage

ROUTE = ROUTES["agenerate_content_stream"]
CONTENTS = [{"role": "user", "parts": [{"text": "hello"}]}]


def event(text: str, candidates: int, finish: str | None = None) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, "finishReason": finish}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": candidates, "thoughtsTokenCount": 5}
    return f"data: {json.dumps({'candidates': [candidate], 'usageMetadata': usage})}\n\n".encode()


@pytest.mark.parametrize("name", ["generationConfig", "config"])
@pytest.mark.parametrize(
    ("cap", "choices"), [("maxOutputTokens", "candidateCount"), ("max_output_tokens", "candidate_count")]
)
def test_caps_and_choices_are_read_and_capped_in_either_spelling(name: str, cap: str, choices: str) -> None:
    body: dict[str, Any] = {"contents": CONTENTS, name: {cap: 50, choices: 3}}
    demand = ROUTE.read(body, media_tokens=0)
    assert (demand.output.cap, demand.output.choices) == (50, 3)
    ROUTE.write_cap(body, demand, 7)
    assert body["generationConfig"][cap] == 7
    assert "config" not in body


def test_the_settings_that_litellm_prefers_are_those_that_count() -> None:
    body: dict[str, Any] = {
        "contents": CONTENTS,
        "config": {"maxOutputTokens": 9},
        "generationConfig": {"maxOutputTokens": 1},
    }
    assert ROUTE.read(body, media_tokens=0).output.cap == 9
    assert body["generationConfig"] == {"maxOutputTokens": 9}


@pytest.mark.parametrize("config", ["text", [1], {"maxOutputTokens": -1}, {"candidateCount": 1000}])
def test_settings_that_no_provider_obeys_are_refused(config: Any) -> None:
    with pytest.raises(InvalidRequestError):
        ROUTE.read({"contents": CONTENTS, "generationConfig": config}, media_tokens=0)


def test_all_that_the_model_reads_is_in_the_prompt() -> None:
    bare = ROUTE.read({"contents": CONTENTS}, media_tokens=0).prompt.upper_bound
    for more in (
        {"systemInstruction": {"parts": [{"text": "x" * 500}]}},
        {"system_instruction": {"parts": [{"text": "x" * 500}]}},
        {"generationConfig": {"responseSchema": {"description": "x" * 500}}},
        {"tools": [{"functionDeclarations": [{"name": "f", "description": "x" * 500}]}]},
    ):
        assert ROUTE.read({"contents": CONTENTS, **more}, media_tokens=0).prompt.upper_bound > bare + 500


@pytest.mark.parametrize(
    "more",
    [
        {"cachedContent": "cachedContents/1"},
        {"tools": [{"googleSearch": {}}]},
        {
            "contents": [
                {"role": "user", "parts": [{"fileData": {"fileUri": "gs://bucket/film", "mimeType": "video/mp4"}}]}
            ]
        },
    ],
)
def test_what_google_adds_is_bounded_by_its_window_alone(more: dict[str, Any]) -> None:
    assert ROUTE.read({"contents": CONTENTS, **more}, media_tokens=0).prompt.unseen


def test_thoughts_are_output_and_what_tools_read_is_input() -> None:
    usage = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 20,
        "cachedContentTokenCount": 30,
        "candidatesTokenCount": 40,
        "thoughtsTokenCount": 5,
    }
    assert ROUTE.usage_of({"usageMetadata": usage}) == Usage(120, 45, 30, 5)
    assert ROUTE.usage_of({"usageMetadata": {**usage, "thoughtsTokenCount": -5}}) is None
    assert ROUTE.usage_of({}) is None


def test_only_a_stream_that_ended_has_its_whole_usage() -> None:
    reader = ROUTE.reader()
    reader.see(event("hel", 1))
    assert reader.usage(None) is None
    last = event("lo", 2, "STOP")
    assert reader.added(last[:9]) == ""
    reader.see(last[:9])
    reader.see(last[9:])
    assert reader.text() == "hello"
    assert reader.usage(None) == Usage(100, 7, 0, 5)


def test_a_stream_that_must_end_ends_for_its_length() -> None:
    reader = ROUTE.reader()
    assert reader.ending() == ()
    reader.see(event("hel", 1))
    (frame,) = reader.ending()
    assert isinstance(frame, bytes)
    assert json.loads(frame.removeprefix(b"data: "))["candidates"][0]["finishReason"] == "MAX_TOKENS"
