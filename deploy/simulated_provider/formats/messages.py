"""Anthropic's ``POST /v1/messages`` and ``/v1/messages/count_tokens``."""

import base64
from dataclasses import replace
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import Answer, plan_answer, plan_tokens
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.errors import FIRST_SERVER_STATUS
from deploy.simulated_provider.pieces import CallOpening, Piece, Text, Thought, join
from deploy.simulated_provider.request import (
    Cap,
    Message,
    Part,
    Request,
    TextRequest,
    last_by_user,
    message_tokens,
    text_of,
)
from deploy.simulated_provider.served import NO_TOKENS, Report, Units, report

from . import sse, usages
from .blocks import BlockStream, blocks_of
from .format import CONVERSATION, FAULTS, Format, WholeWire

_SIGNATURE = base64.b64encode(b"signed by the simulated provider").decode()
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Conversation(Request):
    """What is counted, by either route: the system's words and the messages'."""

    directed_field: ClassVar[str] = "messages"

    messages: Annotated[list[Message], Field(min_length=1)]
    system: str | list[Part] | None = None

    @property
    def texts(self) -> list[str]:
        """Every text of the prompt, the system's first."""
        return [text_of(self.system), *(message.text for message in self.messages)]

    @property
    def said(self) -> str:
        """The text of the last user message, or nothing."""
        return last_by_user(self.messages)

    @property
    def prompt_extras(self) -> int:
        """Four tokens for each message."""
        return message_tokens(len(self.messages))


class MessagesRequest(Conversation, TextRequest):
    """The body of ``POST /v1/messages``."""

    max_tokens: Cap

    @property
    def cap(self) -> int:
        """The most tokens of the answer: Anthropic wants a limit."""
        return self.max_tokens


class MessagesWire(BlockStream):
    """A message's bytes."""

    media_type = "application/json"
    units = Units()

    def __init__(self, answer: Answer, usage: Report, usage_at_start: Any) -> None:
        """Give the message an id of its own.

        Args:
            answer: what is answered.
            usage: what is reported for it.
            usage_at_start: what a stream's first event reports.
        """
        self.answer = answer
        self.report = usage
        self._usage_at_start = usage_at_start
        self._index = -1
        self._id = f"msg_{uuid4().hex}"
        self._stop_reason = _STOP_REASONS.get(answer.finish_reason, answer.finish_reason)

    def whole(self) -> bytes:
        """Write the message that is not a stream."""
        content = [_content(block) for block in blocks_of(self.answer.pieces)]
        return strict_json.write(self._message(content, self._stop_reason) | self.report.field())

    def opening(self) -> bytes:
        """Write the message's start: the prompt's usage is known, the answer's only begins."""
        usage = {} if self.report.omitted else {"usage": self._usage_at_start}
        start = self._message([], None) | usage
        return sse.named({"type": "message_start", "message": start}) + sse.named({"type": "ping"})

    def open_block(self, piece: Piece) -> bytes:
        """Write the start of a content block, still empty."""
        self._index += 1
        match piece:
            case Thought():
                empty: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
            case Text():
                empty = {"type": "text", "text": ""}
            case CallOpening():
                empty = {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}
        return self._block_event("content_block_start", content_block=empty)

    def delta(self, piece: Piece) -> bytes:
        """Write what a piece adds to its block."""
        match piece:
            case Thought():
                delta = {"type": "thinking_delta", "thinking": piece.text}
            case Text():
                delta = {"type": "text_delta", "text": piece.text}
            case CallOpening():
                delta = {"type": "input_json_delta", "partial_json": ""}
            case _:
                delta = {"type": "input_json_delta", "partial_json": piece.text}
        return self._block_event("content_block_delta", delta=delta)

    def close_block(self, block: tuple[Piece, ...]) -> bytes:
        """Write a content block's end; a thought is signed before."""
        signature = b""
        if isinstance(block[0], Thought):
            delta = {"type": "signature_delta", "signature": _SIGNATURE}
            signature = self._block_event("content_block_delta", delta=delta)
        return signature + self._block_event("content_block_stop")

    def final(self) -> bytes:
        """Write why it stopped, and all the usage."""
        delta = {"stop_reason": self._stop_reason, "stop_sequence": None}
        ended = {"type": "message_delta", "delta": delta} | self.report.field()
        return sse.named(ended) + sse.named({"type": "message_stop"})

    def _block_event(self, kind: str, **fields: object) -> bytes:
        return sse.named({"type": kind, "index": self._index, **fields})

    def _message(self, content: list[dict[str, Any]], stop_reason: str | None) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self.answer.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
        }


def _content(block: tuple[Piece, ...]) -> dict[str, Any]:
    """Write a block of the message that is not a stream."""
    joined = join(block)
    if joined.calls:
        opening = joined.calls[0].opening
        arguments = joined.calls[0].read()
        return {"type": "tool_use", "id": opening.id, "name": opening.name, "input": arguments}
    if joined.thought:
        return {"type": "thinking", "thinking": joined.thought, "signature": _SIGNATURE}
    return {"type": "text", "text": joined.text}


def _refusal(status: int, message: str, param: str | None) -> dict[str, Any]:
    del param  # Anthropic names it in the message alone
    fallback = "api_error" if status >= FIRST_SERVER_STATUS else "invalid_request_error"
    error = {"type": _ERROR_TYPES.get(status, fallback), "message": message}
    return {"type": "error", "error": error, "request_id": f"req_{uuid4().hex}"}


def _plan(request: MessagesRequest, directive: Directive, message: str) -> MessagesWire:
    answer = plan_answer(request, directive, message, thinks_aloud=True)
    begun = replace(answer.tokens, completion_tokens=min(answer.tokens.completion_tokens, 1), reasoning_tokens=0)
    at_start = directive.usage if directive.states_usage else usages.MESSAGES.write(begun)
    return MessagesWire(answer, report(directive, answer.tokens, usages.MESSAGES), at_start)


def _plan_count(request: Conversation, directive: Directive, message: str) -> WholeWire:
    tokens = plan_tokens(request, directive, message)
    return WholeWire(strict_json.write({"input_tokens": tokens.prompt_tokens}), NO_TOKENS)


MESSAGES = Format("/v1/messages", MessagesRequest, _plan, CONVERSATION | {"cache_creation_tokens"}, _refusal)
COUNT_TOKENS = Format("/v1/messages/count_tokens", Conversation, _plan_count, FAULTS | {"prompt_tokens"}, _refusal)
