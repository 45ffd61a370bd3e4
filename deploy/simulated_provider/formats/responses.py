"""OpenAI's ``POST /v1/responses``."""

import time
from itertools import count
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import BaseModel, Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import Answer, plan_answer
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.pieces import CallOpening, Piece, Text, join
from deploy.simulated_provider.request import STRICT, Cap, Part, TextRequest, message_tokens, text_of
from deploy.simulated_provider.served import Report, Units, report

from . import sse, usages
from .blocks import BlockStream, blocks_of
from .format import CONVERSATION, Format

_CUT_SHORT = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why a response is incomplete, by the finish reason of a chat."""


class Item(BaseModel):
    """One item of an input: a message, or something that is not read."""

    model_config = STRICT

    role: str | None = None
    content: str | list[Part] | None = None


class ResponsesRequest(TextRequest):
    """The body of ``POST /v1/responses``."""

    directed_field: ClassVar[str] = "input"

    input: str | Annotated[list[Item], Field(min_length=1)]
    instructions: str | None = None
    max_output_tokens: Cap | None = None
    background: bool | None = None

    @property
    def cap(self) -> int | None:
        """The most tokens of the answer; None when the client set no limit."""
        return self.max_output_tokens

    @property
    def items(self) -> list[Item]:
        """The input's items: a text alone is one message by the user."""
        return [Item(role="user", content=self.input)] if isinstance(self.input, str) else self.input

    @property
    def texts(self) -> list[str]:
        """Every text of the prompt, the instructions first."""
        return [self.instructions or "", *(text_of(item.content) for item in self.items)]

    @property
    def said(self) -> str:
        """The text of the last message by the user, or nothing."""
        by_user = (text_of(item.content) for item in reversed(self.items) if item.role == "user")
        return next(by_user, "")

    @property
    def prompt_extras(self) -> int:
        """Four tokens for each item."""
        return message_tokens(len(self.items))


class ResponsesWire(BlockStream):
    """A response's bytes."""

    media_type = "application/json"
    units = Units()

    def __init__(self, request: ResponsesRequest, answer: Answer, usage: Report) -> None:
        """Give the response, and each of its items, an id of its own."""
        self.answer = answer
        self.report = usage
        self._numbers = count()
        self._items = [_Item(block) for block in blocks_of(answer.pieces)]
        self._index = -1
        self._head = {
            "id": f"resp_{uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "model": answer.model,
            "background": bool(request.background),
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "error": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
        }

    def whole(self) -> bytes:
        """Write the response that is not a stream."""
        return strict_json.write(self._ended())

    def opening(self) -> bytes:
        """Write that the response begins."""
        begun = self._head | {
            "status": "in_progress",
            "incomplete_details": None,
            "output": [],
            "usage": None,
        }
        return self._event("response.created", response=begun) + self._event("response.in_progress", response=begun)

    def open_block(self, piece: Piece) -> bytes:
        """Write that an item begins, and its content if it is a message."""
        del piece  # the items were made from the same pieces
        self._index += 1
        item = self._items[self._index]
        added = self._event("response.output_item.added", output_index=self._index, item=item.begun())
        if item.is_call:
            return added
        return added + self._content_event("response.content_part.added", part=_text_part(""))

    def delta(self, piece: Piece) -> bytes:
        """Write what a piece adds to its item."""
        match piece:
            case Text():
                return self._content_event("response.output_text.delta", delta=piece.text, logprobs=[])
            case CallOpening():
                return b""  # the item's beginning has told it
            case _:
                return self._item_event("response.function_call_arguments.delta", delta=piece.text)

    def close_block(self, block: tuple[Piece, ...]) -> bytes:
        """Write that an item is done."""
        joined = join(block)
        if joined.calls:
            call = joined.calls[0]
            fields = {"name": call.opening.name, "arguments": call.arguments}
            done = self._item_event("response.function_call_arguments.done", **fields)
        else:
            done = self._content_event("response.output_text.done", text=joined.text, logprobs=[])
            done += self._content_event("response.content_part.done", part=_text_part(joined.text))
        item = self._items[self._index].done()
        return done + self._event("response.output_item.done", output_index=self._index, item=item)

    def final(self) -> bytes:
        """Write the whole response once more, with its usage."""
        ended = self._ended()
        return self._event(f"response.{ended['status']}", response=ended)

    def _ended(self) -> dict[str, Any]:
        reason = _CUT_SHORT.get(self.answer.finish_reason)
        outcome = {
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": [item.done() for item in self._items],
        }
        return self._head | outcome | self.report.field()

    def _content_event(self, kind: str, **fields: object) -> bytes:
        return self._item_event(kind, content_index=0, **fields)

    def _item_event(self, kind: str, **fields: object) -> bytes:
        item = self._items[self._index].id
        return self._event(kind, item_id=item, output_index=self._index, **fields)

    def _event(self, kind: str, **fields: object) -> bytes:
        return sse.named({"type": kind, "sequence_number": next(self._numbers), **fields})


class _Item:
    """One item of the output: a message or a function call."""

    def __init__(self, block: tuple[Piece, ...]) -> None:
        self._joined = join(block)
        self.is_call = bool(self._joined.calls)
        self.id = f"{'fc' if self.is_call else 'msg'}_{uuid4().hex}"

    def begun(self) -> dict[str, Any]:
        if self.is_call:
            return self._call("in_progress", "")
        return self._message("in_progress", [])

    def done(self) -> dict[str, Any]:
        if self.is_call:
            return self._call("completed", self._joined.calls[0].arguments)
        return self._message("completed", [_text_part(self._joined.text)])

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"type": "message", "id": self.id, "status": status, "role": "assistant", "content": content}

    def _call(self, status: str, arguments: str) -> dict[str, Any]:
        opening = self._joined.calls[0].opening
        call = {"type": "function_call", "id": self.id, "status": status}
        return call | {"call_id": opening.id, "name": opening.name, "arguments": arguments}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _plan(request: ResponsesRequest, directive: Directive, message: str) -> ResponsesWire:
    answer = plan_answer(request, directive, message)
    return ResponsesWire(request, answer, report(directive, answer.tokens, usages.RESPONSES))


RESPONSES = Format("/v1/responses", ResponsesRequest, _plan, CONVERSATION)
