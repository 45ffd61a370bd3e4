"""What a provider sent in a stream, below all that LiteLLM made of it.

Where a provider reports no usage, LiteLLM ends the stream with figures that it counted itself and that look like
any others; and where it translates a stream from one API's words into another's, it may lose those that were
reported. The provider's own chunks are kept in the innermost of LiteLLM's stream objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import AsyncGeneratorType

from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.responses.streaming_iterator import ResponsesAPIStreamingIterator

from solaris_hooks.hooks.reported import field_of, usage_of
from solaris_hooks.quota.usage import DoubtfulUsage, Usage

MOST_LAYERS = 60
"""More objects than LiteLLM ever stacks for one stream."""

Origin = CustomStreamWrapper | ResponsesAPIStreamingIterator


def origin_of(stream: object) -> Origin | None:
    """The object that keeps what the provider sends; None where LiteLLM keeps nothing.

    Call it while the stream runs: LiteLLM's generators hold each other in their local variables, which are gone
    when they end.
    """
    waiting, seen = [stream], set[int]()
    native: ResponsesAPIStreamingIterator | None = None
    while waiting and len(seen) < MOST_LAYERS:
        layer = waiting.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, CustomStreamWrapper):
            return layer
        if native is None and isinstance(layer, ResponsesAPIStreamingIterator):
            native = layer
        waiting += _wrapped_by(layer)
    return native


def certain(seen: Usage | None, origin: object) -> Usage | DoubtfulUsage | None:
    """What a provider reported.

    Args:
        seen: figures that LiteLLM passed on at the end of the stream.
        origin: from :func:`origin_of`, or None.
    """
    received = getattr(origin, "chunks", None)
    if isinstance(received, list):
        if seen is not None:
            # Some providers report in parts, which LiteLLM puts together. Reports come last.
            return seen if any(field_of(chunk, "usage") is not None for chunk in reversed(received)) else None
        reports = (usage for chunk in reversed(received) if (usage := usage_of(chunk)) is not None)
        return next((usage for usage in reports if usage.input_tokens and usage.output_tokens), None)
    if seen is not None and isinstance(origin, ResponsesAPIStreamingIterator):
        said = field_of(field_of(origin.completed_response, "response"), "usage")
        # OpenAI always tells details; LiteLLM's own count has none.
        if field_of(said, "input_tokens_details") is None and field_of(said, "output_tokens_details") is None:
            return DoubtfulUsage(seen)
    return seen


def _wrapped_by(layer: object) -> Iterator[object]:
    """The streams that a stream keeps, in its attributes or, a generator, in its local variables."""
    kept = dict(getattr(layer, "__dict__", {}))
    if isinstance(layer, AsyncGeneratorType) and layer.ag_frame is not None:
        kept.update(layer.ag_frame.f_locals)
    for value in kept.values():
        if hasattr(value, "__anext__") or hasattr(value, "__aiter__"):
            yield value
