"""Notices in streams of OpenAI's responses: an item of their own, before the response is said to be over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from litellm.types.llms.openai import (
    ContentPartAddedEvent,
    ContentPartDoneEvent,
    OutputItemAddedEvent,
    OutputItemDoneEvent,
    OutputTextDeltaEvent,
    OutputTextDoneEvent,
)
from pydantic import BaseModel

from solaris_hooks.hooks.commands.written import item_events
from solaris_hooks.hooks.notices.insertion import AnswerText
from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing

_CLASSES: tuple[type[BaseModel], ...] = (
    OutputItemAddedEvent,
    ContentPartAddedEvent,
    OutputTextDeltaEvent,
    OutputTextDoneEvent,
    ContentPartDoneEvent,
    OutputItemDoneEvent,
)
"""Of the events of one item of text, in their order."""


class ResponsesInsertion:
    """Into a streamed response."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._held: list[Any] = []
        self._text = AnswerText()
        self._kind = ""

    def take(self, chunk: object) -> Sequence[object]:
        """See :meth:`Insertion.take`."""
        found = field_of(chunk, "type")
        kind = str(getattr(found, "value", found))
        if kind == "response.output_text.delta":
            self._text.add(text_or_nothing(field_of(chunk, "delta")))
        if self._held or kind in {"response.completed", "response.incomplete"}:
            self._kind = self._kind or kind
            self._held.append(chunk)
            return ()
        return (chunk,)

    def held(self) -> Sequence[object]:
        """See :meth:`Insertion.held`."""
        return self._held

    def fits(self) -> bool:
        """See :meth:`Insertion.fits`. Nothing was called, and the end is the provider's or that of its output."""
        response = field_of(self._held[0], "response") if self._held else None
        kinds = {str(field_of(item, "type")) for item in items_of(response, "output")}
        reason = field_of(field_of(response, "incomplete_details"), "reason")
        normal = self._kind == "response.completed" or reason == "max_output_tokens"
        return normal and "message" in kinds and kinds <= {"message", "reasoning"}

    def written(self, paragraph: str) -> Sequence[object]:
        """See :meth:`Insertion.written`. The last event carries the whole response, so it gets the item too."""
        end = self._held[0].model_copy(deep=True)
        number = field_of(end, "sequence_number")
        first = number if isinstance(number, int) else 0
        index = len(end.response.output)
        events = list(item_events(f"msg_{uuid4().hex}", self._text.continued(paragraph), output_index=index))
        end.response.output = [*end.response.output, events[-1]["item"]]
        if isinstance(number, int):
            end.sequence_number = first + len(events)
        self._held[0] = end
        return [
            kind.model_validate({**event, "sequence_number": first + at})
            for at, (kind, event) in enumerate(zip(_CLASSES, events, strict=True))
        ]
