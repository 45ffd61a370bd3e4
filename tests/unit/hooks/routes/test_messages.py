"""Anthropic's messages: sums of figures, streams of bytes cut anywhere, endings that a client understands."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.quota.usage import Usage

ROUTE = ROUTES["anthropic_messages"]
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 90, "cache_read_input_tokens": 20}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm, ção "}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 30}},
    {"type": "message_stop"},
]


def frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


STREAM = b"".join(map(frame, EVENTS))


def read(chunks: list[Any]) -> tuple[Any, str]:
    reader = ROUTE.reader()
    added = ""
    for each in chunks:
        added += reader.added(each)
        reader.see(each)
    return reader, added


def test_what_the_cache_gave_or_took_is_part_of_the_input() -> None:
    usage = {
        "input_tokens": 90,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 20,
        "output_tokens": 30,
    }
    assert ROUTE.usage_of({"usage": usage}) == Usage(120, 30, cached_input_tokens=20)
    assert ROUTE.usage_of({"usage": {"prompt_tokens": 5, "completion_tokens": 6}}) == Usage(5, 6)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"input_tokens": -1, "output_tokens": 3},
        {"input_tokens": "many", "output_tokens": 3},
        {"input_tokens": 5, "cache_read_input_tokens": -5, "output_tokens": 3},
        {"input_tokens": float("nan"), "output_tokens": 3},
    ],
)
def test_figures_that_cannot_be_believed_are_none(usage: Any) -> None:
    assert ROUTE.usage_of({"usage": usage}) is None


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_says_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    reader, added = read([STREAM[start:end] for start, end in pairwise(places)])
    assert added == reader.text() == "hm, ção hello"
    assert reader.usage(None) == Usage(110, 30, cached_input_tokens=20)


def test_a_stream_of_dictionaries_says_the_same() -> None:
    reader, added = read(EVENTS)
    assert added == "hm, ção hello"
    assert reader.usage(None) == Usage(110, 30, cached_input_tokens=20)


def test_a_stream_that_breaks_off_has_no_usage_though_it_began_with_some() -> None:
    reader, _ = read(EVENTS[:6])
    assert reader.usage(None) is None


def test_a_stream_that_must_end_stops_its_block_and_then_itself() -> None:
    reader, _ = read([frame(each) for each in EVENTS[:6]])
    ending = b"".join(reader.ending()).decode()
    kinds = [line.removeprefix("event: ") for line in ending.splitlines() if line.startswith("event: ")]
    assert kinds == ["content_block_stop", "message_delta", "message_stop"]
    assert '"index": 1' in ending
    assert '"stop_reason": "max_tokens"' in ending
    assert [each["type"] for each in read(EVENTS[:4])[0].ending()] == ["message_delta", "message_stop"]
    assert ROUTE.reader().ending() == ()


def test_an_event_that_was_passed_on_in_part_is_completed_before_the_end() -> None:
    whole = frame(EVENTS[5])
    reader, _ = read([*(frame(each) for each in EVENTS[:5]), whole[:20]])
    reader.added(whole[20:] + frame(EVENTS[6]))
    assert reader.ending()[0] == whole[20:]


def test_thinking_is_made_to_fit_into_a_cap() -> None:
    def capped(tokens: int) -> dict[str, Any]:
        body: dict[str, Any] = {"max_tokens": 8000, "thinking": {"type": "enabled", "budget_tokens": 4000}}
        ROUTE.write_cap(body, ROUTE.read(body, media_tokens=0), tokens)
        return body

    assert capped(5000)["thinking"]["budget_tokens"] == 4000
    assert capped(2000) == {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1999}}
    assert capped(500)["thinking"] == {"type": "disabled"}


def test_tools_bring_words_of_the_provider_that_the_request_does_not_show() -> None:
    bare = ROUTE.read({"messages": []}, media_tokens=0).prompt
    tool = {"name": "f", "input_schema": {"type": "object"}}
    with_tool = ROUTE.read({"messages": [], "tools": [tool]}, media_tokens=0).prompt
    assert with_tool.upper_bound - bare.upper_bound > 1000
    assert not with_tool.unseen
    searching = {"type": "web_search_20250305", "name": "web_search"}
    assert ROUTE.read({"messages": [], "tools": [searching]}, media_tokens=0).prompt.unseen
    shell = {"type": "bash_20250124", "name": "bash"}
    assert not ROUTE.read({"messages": [], "tools": [shell]}, media_tokens=0).prompt.unseen


def test_documents_of_text_count_as_text() -> None:
    words = "word " * 5000
    for source in (
        {"type": "text", "media_type": "text/plain", "data": words},
        {"type": "content", "content": [{"type": "text", "text": words}]},
    ):
        block = {"type": "document", "source": source}
        prompt = ROUTE.read({"messages": [{"role": "user", "content": [block]}]}, media_tokens=0).prompt
        assert prompt.upper_bound >= 25_000
        assert any(words in text for text in prompt.texts)
    remote = {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}
    assert ROUTE.read({"messages": [{"role": "user", "content": [remote]}]}, media_tokens=0).prompt.unseen
