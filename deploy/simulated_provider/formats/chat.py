"""OpenAI's ``POST /v1/chat/completions``."""

import time
from typing import Annotated, Any, ClassVar, Self
from uuid import uuid4

from pydantic import Field, model_validator

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import Answer, plan_answer
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.pieces import CallArguments, CallOpening, Piece, Text, Thought, join
from deploy.simulated_provider.request import (
    Cap,
    Choices,
    Message,
    StreamOptions,
    TextRequest,
    last_by_user,
    message_tokens,
)
from deploy.simulated_provider.served import Report, Units, report

from . import sse, usages
from .format import CONVERSATION, Format


class OpenAICompletionRequest(TextRequest):
    """What OpenAI's two kinds of completions share."""

    stream_options: StreamOptions | None = None
    n: Choices | None = None

    @property
    def choices(self) -> int:
        """How many answers the client wants."""
        return self.n or 1

    @property
    def wants_usage(self) -> bool:
        """Whether usage is to be reported: in a stream, only when asked."""
        return not self.stream or bool(self.stream_options and self.stream_options.include_usage)

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            message = "stream_options is only allowed when stream is true"
            raise ValueError(message)
        return self


class ChatRequest(OpenAICompletionRequest):
    """The body of ``POST /v1/chat/completions``."""

    directed_field: ClassVar[str] = "messages"

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: Cap | None = None
    max_tokens: Cap | None = None

    @property
    def cap(self) -> int | None:
        """The most tokens that each choice may have; None when the client set no limit."""
        if self.max_completion_tokens is not None:
            return self.max_completion_tokens
        return self.max_tokens

    @property
    def texts(self) -> list[str]:
        """Every text of the prompt."""
        return [message.text for message in self.messages]

    @property
    def said(self) -> str:
        """The text of the last user message, or nothing."""
        return last_by_user(self.messages)

    @property
    def prompt_extras(self) -> int:
        """Four tokens for each message."""
        return message_tokens(len(self.messages))


class ChatWire:
    """A chat completion's bytes."""

    media_type = "application/json"
    units = Units()

    def __init__(self, answer: Answer, usage: Report) -> None:
        """Give the answer an id that no other has: whoever keeps logs may key on it."""
        self.answer = answer
        self.report = usage
        self._head = {
            "id": f"chatcmpl-{uuid4().hex}",
            "created": int(time.time()),
            "model": answer.model,
        }

    def whole(self) -> bytes:
        """Write the answer that is not a stream."""
        message = _message(self.answer.pieces)
        choices = [
            {
                "index": index,
                "message": message,
                "logprobs": None,
                "finish_reason": self.answer.finish_reason,
            }
            for index in range(self.answer.choices)
        ]
        body = self._head | {"object": "chat.completion", "choices": choices}
        return strict_json.write(body | self.report.field())

    def opening(self) -> bytes:
        """Write the chunks that open each choice, without a piece yet."""
        calls_at_once = any(isinstance(piece, CallOpening) for piece in self.answer.pieces[:1])
        delta = {"role": "assistant", "content": None if calls_at_once else ""}
        return b"".join(self._chunk(index, delta) for index in range(self.answer.choices))

    def chunk(self, choice: int, piece: Piece) -> bytes:
        """Write one piece of a choice."""
        return self._chunk(choice, _delta(piece))

    def ending(self) -> bytes:
        """Write the end of the stream: each choice's finish, the usage if asked, [DONE]."""
        finish = self.answer.finish_reason
        events = [self._chunk(index, {}, finish) for index in range(self.answer.choices)]
        if not self.report.omitted:
            events.append(self._event([], usage=self.report.content))
        return b"".join([*events, sse.DONE])

    def _chunk(self, index: int, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._event([choice], usage=None)

    def _event(self, choices: list[dict[str, Any]], usage: object) -> bytes:
        body = self._head | {"object": "chat.completion.chunk", "choices": choices}
        if not self.report.omitted:
            body["usage"] = usage
        return sse.event(body)


def _delta(piece: Piece) -> dict[str, Any]:
    """Give what a choice's message gains by a piece."""
    match piece:
        case Text() | Thought():
            return {"content": piece.text}
        case CallOpening():
            function = {"name": piece.name, "arguments": ""}
            part = {"index": piece.index, "id": piece.id, "type": piece.type, "function": function}
        case CallArguments():
            part = {"index": piece.index, "function": {"arguments": piece.text}}
    return {"tool_calls": [part]}


def _message(pieces: tuple[Piece, ...]) -> dict[str, Any]:
    joined = join(pieces)
    message: dict[str, Any] = {"role": "assistant", "refusal": None}
    if not joined.calls:
        return message | {"content": joined.text}
    calls = [
        {
            "id": call.opening.id,
            "type": call.opening.type,
            "function": {"name": call.opening.name, "arguments": call.arguments},
        }
        for call in joined.calls
    ]
    return message | {"content": joined.text or None, "tool_calls": calls}


def _plan(request: ChatRequest, directive: Directive, message: str) -> ChatWire:
    answer = plan_answer(request, directive, message)
    return ChatWire(answer, report(directive, answer.tokens, usages.CHAT, asked=request.wants_usage))


CHAT = Format("/v1/chat/completions", ChatRequest, _plan, CONVERSATION)
