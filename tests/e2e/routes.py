"""The routes that are paid by the token, each as a client asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]


def directive(text: str = "hello", **fields: object) -> str:
    """A text that tells the simulated provider what to answer."""
    return f"{text} #sim {json.dumps(fields)}"


@dataclass(frozen=True)
class Kind:
    """One route with one kind of model behind it.

    Attributes:
        body: the request for a text.
        cap: where the provider reads its cap, by the names on the way to it.
        ends: what the last frames of a stream hold that was cut short.
        asks_for_usage: LiteLLM asks the provider for usage in streams, or lets itself be told to.

    """

    path: str
    body: Callable[[str], Body]
    cap: tuple[str, ...]
    ends: str
    stream_path: str = ""
    asks_for_usage: bool = True

    def request(self, text: str, *, stream: bool, **more: Any) -> tuple[str, Body]:
        """The path and the body of a request."""
        body = {**self.body(text), **more}
        if not stream:
            return self.path, body
        return (self.stream_path, body) if self.stream_path else (self.path, {**body, "stream": True})

    def cap_in(self, body: Body) -> int | None:
        """The cap that the provider was sent."""
        found: Any = body
        for name in self.cap:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, int) else None


def _completion(model: str) -> Callable[[str], Body]:
    return lambda text: {"model": model, "prompt": text}


def _response(model: str) -> Callable[[str], Body]:
    return lambda text: {"model": model, "input": text}


def _message(model: str) -> Callable[[str], Body]:
    return lambda text: {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": text}]}


def _contents(text: str) -> Body:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


_GEMINI = "/v1beta/models/{}:{}"

KINDS = {
    "completions": Kind("/v1/completions", _completion("text"), ("max_tokens",), '"finish_reason":"length"'),
    "completions-by-chat": Kind("/v1/completions", _completion("demo"), ("max_tokens",), '"finish_reason":"length"'),
    "responses": Kind("/v1/responses", _response("demo"), ("max_output_tokens",), '"response.incomplete"'),
    "responses-by-chat": Kind("/v1/responses", _response("bridged"), ("max_tokens",), '"response.incomplete"'),
    "messages": Kind("/v1/messages", _message("claude"), ("max_tokens",), '"max_tokens"'),
    "messages-by-responses": Kind("/v1/messages", _message("demo"), ("max_output_tokens",), '"max_tokens"'),
    "messages-by-chat": Kind("/v1/messages", _message("chat-only"), ("max_tokens",), '"max_tokens"'),
    "gemini": Kind(
        _GEMINI.format("google", "generateContent"),
        _contents,
        ("generationConfig", "maxOutputTokens"),
        '"MAX_TOKENS"',
        _GEMINI.format("google", "streamGenerateContent"),
    ),
    "gemini-by-chat": Kind(
        _GEMINI.format("demo", "generateContent"),
        _contents,
        ("max_tokens",),
        '"MAX_TOKENS"',
        _GEMINI.format("demo", "streamGenerateContent"),
        asks_for_usage=False,
    ),
}
