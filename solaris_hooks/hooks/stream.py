"""A streamed answer, watched on its way to the client and settled at its end, whatever ends it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio

from solaris_hooks.hooks.models import answering_model
from solaris_hooks.hooks.origin import origin_of

if TYPE_CHECKING:
    from solaris_hooks.hooks.growth import Growth
    from solaris_hooks.hooks.in_flight import Request
    from solaris_hooks.hooks.request_body import Body
    from solaris_hooks.hooks.settlement import Settler

_LOG = logging.getLogger(__name__)


async def settled_at_end(
    request: Request, chunks: AsyncIterator[Any], body: Body, settler: Settler, growth: Growth
) -> AsyncIterator[Any]:
    """Pass chunks on unchanged; settle when the stream ends, breaks, or the client leaves.

    The usage chunk, where the provider sends one, is exact. Otherwise what was passed on is counted.
    A stream that would use more than its account has ends as at the limit of its output, and the
    provider's connection is closed, so that it generates no more.
    """
    request.streaming = True
    reader = request.route.reader()
    origin: object = None
    refused = False
    try:
        async for chunk in chunks:
            if origin is None and reader.last() is None:
                origin = origin_of(chunks)
            if not growth.covers(reader.added(chunk)) and not await growth.grow():
                _LOG.info("hold %s: the stream ends, since its account has no more tokens", request.hold_id)
                for last in reader.ending():
                    yield last
                await _close(chunks)
                break
            reader.see(chunk)
            yield chunk
    except Exception:
        refused = reader.last() is None  # the provider said no before it said anything
        raise
    finally:
        usage = reader.usage(origin)
        model = answering_model(request.model, body, reader.last())
        text = reader.text() if usage is None else ""
        # After a disconnect every plain await here is cancelled at once.
        with anyio.CancelScope(shield=True):
            if refused:
                await settler.release(request)
            else:
                await settler.settle(request, usage, model=model, text=text)


async def _close(chunks: object) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
