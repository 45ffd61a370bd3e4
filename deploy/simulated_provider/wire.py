"""OpenAI's shapes on the wire: the whole completion and the stream's chunks."""

import time
from typing import Any
from uuid import uuid4

from . import strict_json
from .answer import Answer, Delta


class Wire:
    """One answer's bytes, under one answer id."""

    def __init__(self, answer: Answer, *, usage_chunk: bool = False) -> None:
        """Give the answer an id that no other has: whoever keeps logs may key on it.

        Args:
            answer: what is answered.
            usage_chunk: whether the client asked that a stream end with a usage chunk.
        """
        self._answer = answer
        self.usage_chunk: bool = usage_chunk and answer.reports_usage
        self._head = {
            "id": f"chatcmpl-{uuid4().hex}",
            "created": int(time.time()),
            "model": answer.model,
        }

    def whole(self) -> bytes:
        """Write the answer that is not a stream."""
        message = _message(self._answer.pieces)
        choices = [
            {
                "index": index,
                "message": message,
                "logprobs": None,
                "finish_reason": self._answer.finish_reason,
            }
            for index in range(self._answer.choices)
        ]
        body = self._head | {"object": "chat.completion", "choices": choices}
        if self._answer.reports_usage:
            body["usage"] = self._answer.usage
        return strict_json.write(body)

    def opening(self) -> bytes:
        """Write the chunks that open each choice, without a piece yet."""
        calls_at_once = any("tool_calls" in piece for piece in self._answer.pieces[:1])
        delta = {"role": "assistant", "content": None if calls_at_once else ""}
        return b"".join(self.chunk(index, delta) for index in range(self._answer.choices))

    def chunk(self, index: int, delta: Delta, finish_reason: str | None = None) -> bytes:
        """Write one chunk of the choice ``index``."""
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._event([choice], usage=None)

    def ending(self) -> bytes:
        """Write the end of the stream: each choice's finish, the usage if asked, [DONE]."""
        finish = self._answer.finish_reason
        events = [self.chunk(index, {}, finish) for index in range(self._answer.choices)]
        if self.usage_chunk:
            events.append(self._event([], usage=self._answer.usage))
        return b"".join([*events, b"data: [DONE]\n\n"])

    def _event(self, choices: list[dict[str, Any]], usage: object) -> bytes:
        body = self._head | {"object": "chat.completion.chunk", "choices": choices}
        if self.usage_chunk:
            body["usage"] = usage
        return b"data: " + strict_json.write(body) + b"\n\n"


def _message(pieces: tuple[Delta, ...]) -> dict[str, Any]:
    """Put the pieces of one choice together, as a client of the stream would."""
    words = [piece["content"] for piece in pieces if "content" in piece]
    calls: list[dict[str, Any]] = []
    for piece in pieces:
        for part in piece.get("tool_calls", ()):
            if "id" in part:
                call = {key: part[key] for key in ("id", "type")}
                calls.append(call | {"function": dict(part["function"])})
            else:
                calls[-1]["function"]["arguments"] += part["function"]["arguments"]
    message: dict[str, Any] = {"role": "assistant", "refusal": None}
    if calls:
        return message | {"content": "".join(words) or None, "tool_calls": calls}
    return message | {"content": "".join(words)}
