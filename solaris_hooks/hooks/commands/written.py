"""An answer of ours in the words of each route, whole or as a stream, with no tokens used."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from solaris_hooks.hooks.commands.messages import Wire

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Written:
    """What is sent.

    Attributes:
        content: the whole body.
        media_type: of the body.
    """

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said.

    Attributes:
        text: Markdown, or JSON where the request wants a schema.
        function: the function to call with ``text`` as its arguments; None for text itself.
    """

    text: str
    function: str | None = None


def write(wire: Wire, body: Mapping[str, object], answer: Answer) -> Written:
    """An answer to a request, as a provider would have given it."""
    model = body.get("model")
    name = model if isinstance(model, str) else ""
    if wire is Wire.RESPONSES:
        response = _response(name, answer.text)
        return _events(_response_events(response, answer.text), named=True) if body.get("stream") else _whole(response)
    if wire is Wire.MESSAGES:
        message = _message(name, answer.text)
        return _events(_message_events(message, answer.text), named=True) if body.get("stream") else _whole(message)
    if not body.get("stream"):
        return _whole(_completion(name, answer))
    options = body.get("stream_options")
    usage = isinstance(options, dict) and options.get("include_usage") is True
    return _events(_completion_chunks(name, answer.text, usage=usage), named=False)


def _whole(body: Json) -> Written:
    return Written(json.dumps(body, ensure_ascii=False).encode(), "application/json")


def _events(events: Iterator[Json], *, named: bool) -> Written:
    frames = []
    for event in events:
        data = f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
        frames.append(f"event: {event['type']}\n{data}" if named else data)
    if not named:
        frames.append("data: [DONE]\n\n")
    return Written("".join(frames).encode(), "text/event-stream")


_NO_CHAT_USAGE: Json = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def _completion(model: str, answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text}
    if answer.function is not None:
        call = {"name": answer.function, "arguments": answer.text}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{uuid4().hex[:24]}", "type": "function", "function": call}],
        }
    # A function that was asked for by name ends with "stop", as OpenAI has it.
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**_head("chat.completion", model), "choices": [choice], "usage": _NO_CHAT_USAGE}


def _completion_chunks(model: str, text: str, *, usage: bool) -> Iterator[Json]:
    head = _head("chat.completion.chunk", model)

    def chunk(delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**head, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    yield chunk({"content": text})
    yield chunk({}, "stop")
    if usage:
        yield {**head, "choices": [], "usage": _NO_CHAT_USAGE}


def _head(kind: str, model: str) -> Json:
    return {"id": f"chatcmpl-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _message(model: str, text: str) -> Json:
    return {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def _message_events(message: Json, text: str) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    yield {"type": "content_block_stop", "index": 0}
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 0}}
    yield {"type": "message_stop"}


def _response(model: str, text: str) -> Json:
    return {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [_item(f"msg_{uuid4().hex}", text)],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": {
            "input_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 0,
        },
    }


def _item(item_id: str, text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": [part]}


def item_events(item_id: str, text: str, *, output_index: int) -> Iterator[Json]:
    """The events of one more item of text in a response, without their numbers."""
    item = _item(item_id, text)
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    at: Json = {"item_id": item_id, "output_index": output_index, "content_index": 0}
    begun = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": output_index, "item": begun}
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    yield {"type": "response.output_text.delta", **at, "delta": text, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}
    yield {"type": "response.output_item.done", "output_index": output_index, "item": item}


def _response_events(response: Json, text: str) -> Iterator[Json]:
    item_id = f"msg_{uuid4().hex}"
    whole = {**response, "output": [_item(item_id, text)]}
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events: tuple[Json, ...] = (
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        *item_events(item_id, text, output_index=0),
        {"type": "response.completed", "response": whole},
    )
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}
