"""What the routes share whose answers come in one piece and generate no text."""

from __future__ import annotations

from collections.abc import Sequence

from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import Demand
from solaris_hooks.quota.errors import InvalidRequestError


class WholeOnly:
    """There is no output to cap, no text to count, and no stream to read."""

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`: nothing is generated that could be bounded."""

    def reader(self) -> UnreadStream:
        """See :meth:`Route.reader`."""
        return UnreadStream()

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        del answer
        return ""


class UnreadStream:
    """A stream where none was expected: passed on, and settled by what the request asked for."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._last: object | None = None

    def see(self, chunk: object) -> None:
        """See :meth:`StreamReader.see`."""
        self._last = chunk

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`."""
        del chunk
        return ""

    def usage(self, origin: object) -> None:
        """See :meth:`StreamReader.usage`."""

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return ""

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._last

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`."""
        return ()


def refuse_stream(body: Body) -> None:
    """Refuse to stream where usage could not be read from a stream.

    Raises:
        InvalidRequestError: the request asks for one.
    """
    if body.get("stream") not in {None, False, "false", "False", ""}:
        raise InvalidRequestError("Streams of this kind are not metered; ask without stream.", param="stream")
