"""A streamed answer, watched on its way to the client and settled at its end, whatever ends it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio

from solaris_hooks.hooks.models import answering_model
from solaris_hooks.hooks.notices.insertion import Insertion, NoInsertion
from solaris_hooks.hooks.origin import origin_of

if TYPE_CHECKING:
    from solaris_hooks.hooks.growth import Growth
    from solaris_hooks.hooks.in_flight import Request
    from solaris_hooks.hooks.notices.notices import Notices
    from solaris_hooks.hooks.request_body import Body
    from solaris_hooks.hooks.routes import StreamReader
    from solaris_hooks.hooks.settlement import Settler

_LOG = logging.getLogger(__name__)


async def settled_at_end(
    request: Request,
    chunks: AsyncIterator[Any],
    body: Body,
    settler: Settler,
    growth: Growth,
    notices: Notices | None = None,
) -> AsyncGenerator[Any, None]:
    """Pass chunks on; settle when the stream ends, breaks, or the client leaves.

    The usage chunk, where the provider sends one, is exact. Otherwise what was passed on is counted.
    A stream that would use more than its account has ends as at the limit of its output, and the
    provider's connection is closed, so that it generates no more.

    All chunks pass unchanged, but where people read the answer its end is held back until it is booked: what
    the booking has to tell goes before it.
    """
    request.streaming = True
    insertion = notices.insertion(request, body) if notices is not None else NoInsertion()
    stream = _Stream(request, request.route.reader(), body, settler)
    refused = cut = False
    try:
        async for chunk in chunks:
            stream.look_for_origin(chunks)
            if not growth.covers(stream.reader.added(chunk)) and not await growth.grow():
                _LOG.info("hold %s: the stream ends, since its account has no more tokens", request.hold_id)
                for each in [each for last in stream.reader.ending() for each in insertion.take(last)]:
                    yield each
                await _close(chunks)
                cut = True
                break
            stream.reader.see(chunk)
            for each in insertion.take(chunk):
                yield each
        await stream.settle()
        async with aclosing(_end(request, notices, insertion, cut=cut)) as end:
            async for each in end:
                yield each
    except Exception:
        refused = stream.reader.last() is None  # the provider said no before it said anything
        raise
    finally:
        await stream.finish(refused=refused)


class _Stream:
    """What is known of a stream when it has to be booked."""

    def __init__(self, request: Request, reader: StreamReader, body: Body, settler: Settler) -> None:
        self.reader = reader
        self._request = request
        self._body = body
        self._settler = settler
        self._origin: object = None

    def look_for_origin(self, chunks: object) -> None:
        """Find what LiteLLM keeps of the provider's own chunks, while the first of them is here."""
        if self._origin is None and self.reader.last() is None:
            self._origin = origin_of(chunks)

    async def settle(self) -> None:
        """Book what was used, once. After a disconnect every plain await is cancelled at once: not this one."""
        usage = self.reader.usage(self._origin)
        model = answering_model(self._request.model, self._body, self.reader.last())
        text = self.reader.text() if usage is None else ""
        with anyio.CancelScope(shield=True):
            await self._settler.settle(self._request, usage, model=model, text=text)

    async def finish(self, *, refused: bool) -> None:
        """Release what a provider refused; book everything else that is not booked."""
        if refused:
            with anyio.CancelScope(shield=True):
                await self._settler.release(self._request)
        elif not self._request.ended:
            await self.settle()


async def _end(
    request: Request, notices: Notices | None, insertion: Insertion, *, cut: bool
) -> AsyncGenerator[Any, None]:
    """What was held back, after what there is to tell; a client that leaves meanwhile is told another time."""
    notice = None
    if notices is not None and request.unbooked is None and insertion.fits():
        with anyio.CancelScope(shield=True):
            notice = await notices.take(request, cut=cut)
    if notices is not None and notice is not None:
        try:
            for each in insertion.written(notice.text):
                yield each
        except BaseException:
            with anyio.CancelScope(shield=True):
                await notices.give_back(request, notice)
            raise
    for each in insertion.held():
        yield each


async def _close(chunks: object) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
