"""Notices in streams of Anthropic's messages: a block of text of their own, before the message is said to be over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from solaris_hooks.hooks.notices.insertion import AnswerText
from solaris_hooks.hooks.reported import field_of, text_or_nothing
from solaris_hooks.hooks.routes.sse import frames

NORMAL_ENDS = frozenset({"end_turn", "max_tokens", "stop_sequence"})


class MessagesInsertion:
    """Into a streamed message, whose events come as dictionaries or as bytes cut anywhere."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._held: list[object] = []
        self._rest = b""
        self._kind: type = bytes
        self._text = AnswerText()
        self._blocks = 0
        self._end: object = None
        self._only_text = True

    def take(self, chunk: object) -> Sequence[object]:
        """See :meth:`Insertion.take`. Bytes are passed on by whole events."""
        if isinstance(chunk, Mapping):
            self._kind = dict
            return self._passed(chunk, chunk)
        if not isinstance(chunk, bytes | str):
            return (chunk,)
        self._kind = type(chunk)
        data = chunk.encode() if isinstance(chunk, str) else chunk
        whole, self._rest = frames(self._rest + data)
        return [out for frame, event in whole for out in self._passed(self._as_came(frame), event)]

    def held(self) -> Sequence[object]:
        """See :meth:`Insertion.held`."""
        return [*self._held, self._as_came(self._rest)] if self._rest else self._held

    def fits(self) -> bool:
        """See :meth:`Insertion.fits`."""
        return self._only_text and self._end in NORMAL_ENDS and not self._rest

    def written(self, paragraph: str) -> Sequence[object]:
        """See :meth:`Insertion.written`."""
        text = self._text.continued(paragraph)
        return [self._framed(event) for event in block_events(self._blocks, text)]

    def _passed(self, out: object, event: Mapping[str, object]) -> Sequence[object]:
        kind = event.get("type")
        if kind == "content_block_start":
            block = field_of(event.get("content_block"), "type")
            self._only_text = self._only_text and block in {"text", "thinking", "redacted_thinking"}
            self._blocks += 1
        elif kind == "content_block_delta":
            self._text.add(text_or_nothing(field_of(event.get("delta"), "text")))
        elif kind == "message_delta":
            self._end = field_of(event.get("delta"), "stop_reason") or self._end
        if self._held or (kind == "message_delta" and self._end is not None) or kind == "message_stop":
            self._held.append(out)
            return ()
        return (out,)

    def _framed(self, event: Mapping[str, object]) -> object:
        if self._kind is dict:
            return event
        return self._as_came(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def _as_came(self, frame: bytes) -> object:
        return frame.decode("utf-8", "surrogateescape") if self._kind is str else frame


def block_events(index: int, text: str) -> Iterator[dict[str, object]]:
    """The events of one more block of text."""
    yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}
    yield {"type": "content_block_stop", "index": index}
