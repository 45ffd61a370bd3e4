"""Responses: contexts that only the provider knows, caps that OpenAI takes, streams of events."""

from __future__ import annotations

from typing import Any

import pytest
from litellm.types.llms.openai import (
    OutputTextDeltaEvent,
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponsesAPIResponse,
    ResponsesAPIStreamEvents,
)

from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.usage import Usage

ROUTE = ROUTES["aresponses"]
USAGE = {
    "input_tokens": 100,
    "output_tokens": 40,
    "total_tokens": 140,
    "input_tokens_details": {"cached_tokens": 30},
    "output_tokens_details": {"reasoning_tokens": 7},
}


def response(**more: Any) -> ResponsesAPIResponse:
    return ResponsesAPIResponse.model_validate({"id": "r1", "created_at": 1, "output": [], "model": "m", **more})


def stream(*texts: str) -> list[Any]:
    kinds = ResponsesAPIStreamEvents
    deltas = [
        OutputTextDeltaEvent.model_validate(
            {
                "type": kinds.OUTPUT_TEXT_DELTA,
                "item_id": "i1",
                "output_index": 0,
                "content_index": 0,
                "delta": text,
                "sequence_number": number,
            }
        )
        for number, text in enumerate(texts, 1)
    ]
    return [ResponseCreatedEvent(type=kinds.RESPONSE_CREATED, response=response(status="in_progress")), *deltas]


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": "r0"},
        {"conversation": "c1"},
        {"prompt": {"id": "p1"}},
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "function", "name": "f"}, {"type": "file_search", "vector_store_ids": ["v"]}]},
        {"tools": [{"type": "mcp", "server_url": "https://example.org"}]},
        {"input": [{"type": "item_reference", "id": "i1"}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f1"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://example.org/f"}]}]},
    ],
)
def test_what_the_provider_adds_is_bounded_by_its_window_alone(body: dict[str, Any]) -> None:
    assert ROUTE.read({"input": "hi", **body}, media_tokens=0).prompt.unseen


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]},
        {"tools": [{"type": "custom", "name": "f"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]}]},
        {"previous_response_id": None},
    ],
)
def test_what_a_request_sends_is_seen(body: dict[str, Any]) -> None:
    assert not ROUTE.read({"input": "hi", **body}, media_tokens=0).prompt.unseen


def test_instructions_and_schemas_are_part_of_the_prompt() -> None:
    bare = ROUTE.read({"input": "hi"}, media_tokens=0).prompt.upper_bound
    for more in (
        {"instructions": "i" * 500},
        {"text": {"format": {"type": "json_schema", "schema": {"x": "y" * 500}}}},
    ):
        assert ROUTE.read({"input": "hi", **more}, media_tokens=0).prompt.upper_bound > bare + 500


def test_answers_in_the_background_are_refused() -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        ROUTE.read({"input": "hi", "background": True}, media_tokens=0)
    assert refusal.value.param == "background"


def test_no_cap_is_smaller_than_what_openai_takes() -> None:
    body: dict[str, Any] = {"input": "hi", "max_output_tokens": 3}
    demand = ROUTE.read(body, media_tokens=0)
    assert (demand.output.cap, demand.output.least) == (16, 16)
    ROUTE.write_cap(body, demand, 5)
    assert body["max_output_tokens"] == 16


def test_usage_is_read_in_the_words_of_either_api() -> None:
    assert ROUTE.usage_of(response(usage=USAGE)) == Usage(100, 40, 30, 7)
    assert ROUTE.usage_of({"usage": {"prompt_tokens": 5, "completion_tokens": 6}}) == Usage(5, 6)
    assert ROUTE.usage_of(response()) is None


def test_all_that_was_answered_counts_in_an_estimate() -> None:
    output = [
        {"type": "reasoning", "id": "1", "summary": [{"type": "summary_text", "text": "hm "}]},
        {"type": "message", "id": "2", "content": [{"type": "output_text", "text": "hello ", "annotations": []}]},
        {"type": "function_call", "id": "3", "call_id": "3", "name": "f", "arguments": "{}"},
    ]
    assert ROUTE.text_of({"output": output}) == "hm hello f{}"


def test_a_completed_stream_carries_its_usage() -> None:
    reader = ROUTE.reader()
    events = [*stream("hel", "lo")]
    events.append(
        ResponseCompletedEvent(type=ResponsesAPIStreamEvents.RESPONSE_COMPLETED, response=response(usage=USAGE))
    )
    for event in events:
        reader.see(event)
    assert reader.text() == "hello"
    assert reader.usage(object()) == Usage(100, 40, 30, 7)


def test_a_stream_that_must_end_is_incomplete_for_its_length() -> None:
    reader = ROUTE.reader()
    assert reader.ending() == ()
    for event in stream("hel", "lo"):
        reader.see(event)
    done, incomplete = [event.model_dump(mode="json") for event in reader.ending()]  # type: ignore[attr-defined]
    assert (done["type"], done["text"], done["sequence_number"]) == ("response.output_text.done", "hello", 3)
    assert (incomplete["type"], incomplete["sequence_number"]) == ("response.incomplete", 4)
    assert incomplete["response"]["status"] == "incomplete"
    assert incomplete["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert incomplete["response"]["output"][0]["content"][0]["text"] == "hello"
    assert reader.usage(object()) is None
