"""What chats and text completions share: streams of chunks with choices, and caps in the body itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from solaris_hooks.hooks.origin import certain
from solaris_hooks.hooks.reported import field_of, usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import Demand, Report


def write_cap(body: Body, demand: Demand, tokens: int) -> None:
    """See :meth:`Route.write_cap`: under each name that the request gave its own cap, else as ``max_tokens``."""
    for field in demand.output.cap_fields or ("max_tokens",):
        body[field] = tokens


class ChoicesReader:
    """Reads chunks with choices."""

    def __init__(self, text_of: Callable[[object], str], cut_off: Callable[[Any, int], object]) -> None:
        """Have seen nothing.

        Args:
            text_of: the text that a chunk carries.
            cut_off: makes a chunk like the given one that ends a choice, by its index, for its length.
        """
        self._text_of = text_of
        self._cut_off = cut_off
        # Kept whole and read at the end, where it is needed at all: streams have many chunks, LiteLLM keeps them too.
        self._seen: list[Any] = []
        self._reports: list[Any] = []

    def see(self, chunk: Any) -> None:
        """See :meth:`StreamReader.see`."""
        self._seen.append(chunk)
        if field_of(chunk, "usage") is not None:
            self._reports.append(chunk)

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`."""
        return self._text_of(chunk)

    def usage(self, origin: object) -> Report | None:
        """See :meth:`StreamReader.usage`. The last report that can be believed counts."""
        reports = map(usage_of, reversed(self._reports))
        return certain(next((usage for usage in reports if usage is not None), None), origin)

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return "".join(map(self._text_of, self._seen))

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._seen[-1] if self._seen else None

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`: each choice that began ends for its length."""
        if not self._seen:
            return ()
        choices = sorted({choice.index or 0 for chunk in self._seen for choice in chunk.choices})
        return [self._cut_off(self._seen[-1], index) for index in choices or [0]]
