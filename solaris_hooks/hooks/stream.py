"""A streamed answer, watched on its way to the client and settled at its end, whatever ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio

from solaris_hooks.hooks.models import answering_model

if TYPE_CHECKING:
    from solaris_hooks.hooks.in_flight import Request
    from solaris_hooks.hooks.request_body import Body
    from solaris_hooks.hooks.settlement import Settler


async def settled_at_end(
    request: Request, chunks: AsyncIterator[Any], body: Body, settler: Settler
) -> AsyncIterator[Any]:
    """Pass chunks on unchanged; settle when the stream ends, breaks, or the client leaves.

    The usage chunk, where the provider sends one, is exact. Otherwise what was passed on is counted.
    """
    request.streaming = True
    reader = request.route.reader()
    try:
        async for chunk in chunks:
            reader.see(chunk)
            yield chunk
    finally:
        usage = reader.usage(chunks)
        model = answering_model(request.model, body, reader.last())
        text = reader.text() if usage is None else ""
        # After a disconnect every plain await here is cancelled at once.
        with anyio.CancelScope(shield=True):
            await settler.settle_shielded(request, usage, model=model, text=text)
