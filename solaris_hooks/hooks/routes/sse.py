"""Server-sent events as LiteLLM passes them on: bytes, cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Event = Mapping[str, object]

_ENDS = (b"\n\n", b"\r\n\r\n")


class EventReader:
    """Puts events together from chunks of bytes, text or dictionaries.

    A chunk may be looked at before it is taken: what comes of it is kept, so that nothing is read twice.
    """

    def __init__(self) -> None:
        """Begin with no bytes."""
        self._rest = b""
        self._looked_at: object = None
        self._found: tuple[list[Event], bytes] = ([], b"")

    def look(self, chunk: object) -> Sequence[Event]:
        """The events that a chunk completes."""
        if chunk is not self._looked_at:
            self._found = self._read(chunk)
            self._looked_at = chunk
        return self._found[0]

    def take(self, chunk: object) -> Sequence[Event]:
        """The same, once it is passed on."""
        events = self.look(chunk)
        self._rest = self._found[1]
        self._looked_at = None
        return events

    def _rest_of_event(self) -> bytes:
        """What completes the event that was passed on in part, if the chunk looked at last does."""
        if not self._rest or not isinstance(self._looked_at, bytes | str):
            return b""
        chunk = _as_bytes(self._looked_at)
        head, end = _cut(self._rest + chunk)
        return head[len(self._rest) :] + end if end else b""

    def written_like(self, chunk: object, events: Sequence[Event], *, named: bool) -> Sequence[object]:
        """Events as chunks of the kind that the stream is made of, after what is left of one that began.

        Args:
            chunk: the one that was passed on last.
            events: what to write.
            named: whether each goes under its ``type``, as Anthropic's do.
        """
        if isinstance(chunk, Mapping):
            return events
        names = (f"event: {event['type']}\n" if named else "" for event in events)
        frames = [f"{name}data: {json.dumps(event)}\n\n".encode() for name, event in zip(names, events, strict=True)]
        rest = self._rest_of_event()
        chunks = [rest, *frames] if rest else frames
        return [each.decode() for each in chunks] if isinstance(chunk, str) else chunks

    def _read(self, chunk: object) -> tuple[list[Event], bytes]:
        if isinstance(chunk, Mapping):
            return [chunk], self._rest
        if not isinstance(chunk, bytes | str):
            return [], self._rest
        events: list[Event] = []
        rest = self._rest + _as_bytes(chunk)
        while True:
            head, end = _cut(rest)
            if not end:
                return events, rest
            rest = rest[len(head) + len(end) :]
            event = _parsed(head)
            if event is not None:
                events.append(event)


def frames(data: bytes) -> tuple[Sequence[tuple[bytes, Event]], bytes]:
    """Whole events of some bytes, each as it stands there and as it reads, and the bytes that are left.

    What is between events, such as a comment, reads as an event of nothing.
    """
    found: list[tuple[bytes, Event]] = []
    while True:
        head, end = _cut(data)
        if not end:
            return found, data
        data = data[len(head) + len(end) :]
        found.append((head + end, _parsed(head) or {}))


def _as_bytes(chunk: bytes | str) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else chunk


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """The first event and what ends it; no end where it is not complete."""
    found = [(at, end) for end in _ENDS if (at := data.find(end)) >= 0]
    if not found:
        return data, b""
    at, end = min(found)
    return data[:at], end


def _parsed(frame: bytes) -> Event | None:
    lines = (line.removeprefix(b"data:").strip() for line in frame.splitlines() if line.startswith(b"data:"))
    try:
        event = json.loads(b"\n".join(lines))
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
