"""A streamed answer, watched on its way to the client and settled at its end, whatever ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio

from solaris_hooks.hooks.models import answering_model
from solaris_hooks.hooks.reported import text_of, usage_of
from solaris_hooks.quota.usage import Usage

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
    reports: list[Any] = []
    # Kept whole and read at the end, where it is needed at all: streams have many chunks, LiteLLM keeps them too.
    seen: list[Any] = []
    try:
        async for chunk in chunks:
            seen.append(chunk)
            if getattr(chunk, "usage", None) is not None:
                reports.append(chunk)
            yield chunk
    finally:
        usage = _last_believable(reports) if _provider_reported(chunks) else None
        model = answering_model(request.model, body, seen[-1]) if seen else request.model
        text = "".join(map(text_of, seen)) if usage is None else ""
        # After a disconnect every plain await here is cancelled at once.
        with anyio.CancelScope(shield=True):
            await settler.settle_shielded(request, usage, model=model, text=text)


def _last_believable(reports: list[Any]) -> Usage | None:
    return next((usage for usage in map(usage_of, reversed(reports)) if usage is not None), None)


def _provider_reported(stream: object) -> bool:
    """Whether the usage in a stream is the provider's own.

    Where the provider reports none, LiteLLM ends the stream with a usage chunk that it counted itself
    and that looks like any other. The chunks as they came are kept on its stream object.
    """
    received = getattr(stream, "chunks", None)
    if not isinstance(received, list):
        return True
    return any(getattr(chunk, "usage", None) is not None for chunk in received)
