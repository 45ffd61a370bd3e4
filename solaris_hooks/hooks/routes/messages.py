"""Anthropic's messages: a conversation in, blocks of content out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from solaris_hooks.hooks.origin import certain
from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing, usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import Demand, Report
from solaris_hooks.hooks.routes.sse import Event, EventReader
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.sizing import read_output_request
from solaris_hooks.quota.usage import Usage, reported_usage

LEAST_THINKING = 1024
"""Anthropic takes no smaller budget for thinking, and wants it below ``max_tokens``."""


class MessagesRoute:
    """``/v1/messages``, to Anthropic's models and, translated by LiteLLM, to any others."""

    call_types = frozenset({"anthropic_messages"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`."""
        output = read_output_request({**body, "n": None}, ("max_tokens",))
        return Demand(read_prompt(body, media_tokens=media_tokens), output)

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`. Thinking is a part of the output, and has to fit with it."""
        del demand
        body["max_tokens"] = tokens
        thinking = body.get("thinking")
        if not isinstance(thinking, dict):
            return
        budget = thinking.get("budget_tokens")
        if isinstance(budget, int) and budget >= tokens:
            if tokens > LEAST_THINKING:
                body["thinking"] = {**thinking, "budget_tokens": tokens - 1}
            else:
                body["thinking"] = {"type": "disabled"}

    def reader(self) -> MessagesReader:
        """See :meth:`Route.reader`."""
        return MessagesReader()

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`. The success event tells it in the words of chats."""
        usage = field_of(answer, "usage")
        return usage_of(answer) if field_of(usage, "input_tokens") is None else _usage(usage)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return "".join(map(_text_of_block, items_of(answer, "content")))


class MessagesReader:
    """Reads the events of a streamed message: bytes, cut anywhere, or dictionaries."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._events = EventReader()
        self._texts: list[str] = []
        self._figures: dict[str, object] = {}
        self._complete = False
        self._open_block: object = None
        self._last: object = None

    def see(self, chunk: object) -> None:
        """See :meth:`StreamReader.see`."""
        self._last = chunk
        for event in self._events.take(chunk):
            self._texts.append(_text_of_event(event))
            kind = event.get("type")
            if kind == "message_start":
                self._note(field_of(event.get("message"), "usage"))
            elif kind == "message_delta":
                self._note(event.get("usage"))
                self._complete = self._complete or field_of(event.get("usage"), "output_tokens") is not None
            elif kind == "content_block_start":
                self._open_block = event.get("index")
            elif kind == "content_block_stop":
                self._open_block = None

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`: text, thinking, and input of tools."""
        return "".join(map(_text_of_event, self._events.look(chunk)))

    def usage(self, origin: object) -> Report | None:
        """See :meth:`StreamReader.usage`: the prompt's figures come first, the output's last."""
        return certain(_usage(self._figures), origin) if self._complete else None

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return "".join(self._texts)

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._last

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`: the block that was being written stops, then the message."""
        if self._last is None:
            return ()
        events: list[Event] = []
        if self._open_block is not None:
            events.append({"type": "content_block_stop", "index": self._open_block})
        delta = {"stop_reason": "max_tokens", "stop_sequence": None}
        output = self._figures.get("output_tokens") or 0
        events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": output}})
        events.append({"type": "message_stop"})
        return self._events.written_like(self._last, events, named=True)

    def _note(self, usage: object) -> None:
        """Keep figures; later ones count, missing ones change nothing."""
        if isinstance(usage, Mapping):
            self._figures.update({name: value for name, value in usage.items() if value is not None})


def _usage(usage: object) -> Usage | None:
    """Anthropic counts what it reads from its cache or writes to it beside the input, not in it."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    parts = [field_of(usage, name) for name in names]
    counts = [part or 0 for part in parts]
    if parts[0] is None or not all(isinstance(part, int) and part >= 0 for part in counts):
        return None
    return reported_usage(
        prompt_tokens=sum(part for part in counts if isinstance(part, int)),
        completion_tokens=field_of(usage, "output_tokens"),
        cached_tokens=counts[2],
    )


def _text_of_event(event: Event) -> str:
    delta = event.get("delta")
    return "".join(text_or_nothing(field_of(delta, name)) for name in ("text", "thinking", "partial_json"))


def _text_of_block(block: object) -> str:
    texts = [text_or_nothing(field_of(block, name)) for name in ("text", "thinking", "name")]
    called = field_of(block, "input")
    return "".join([*texts, json.dumps(called) if isinstance(called, dict) else ""])
