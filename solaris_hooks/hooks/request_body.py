"""The request's JSON in LiteLLM's hands: what a client must not set, and our own mark on it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.quota.prompt import PROMPT_FIELDS

Body = dict[str, Any]

HOLD_KEY = "solaris_hold_id"
"""Our key in the request's metadata. A client's value of it is overwritten or removed."""

SPEND_LOG_KEY = "spend_logs_metadata"
"""LiteLLM copies this part of the metadata into its spend logs, where the sweeper finds our mark."""

FORBIDDEN = ("no-log", "mock_response", "mock_tool_calls", "mock_timeout", "mock_delay", "fastest_response")
"""Parameters that would hide a call from the logs, or answer it with invented usage."""

SHORT_BODY_BYTES = 16_384
"""Two bytes can be a part of a prompt that is read by itself, and most chats are shorter than this."""

_METERED_PARAMETERS = frozenset(
    {
        *PROMPT_FIELDS,
        "model",
        "n",
        "best_of",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "config",
        "generationConfig",
        "previous_response_id",
        "conversation",
        "cachedContent",
        "container",
        "mcp_servers",
        "background",
        "stream",
        "stream_options",
    }
)
"""What the estimate reads or the cap writes. ``extra_body`` is merged over the request on its way to
the provider, and ``additional_drop_params`` removes from it: neither may touch these."""


def disarm(body: Body) -> None:
    """Remove whatever a client could use to avoid or misdirect the bill.

    Raises:
        InvalidRequestError: it asks for several models at once, whose use nobody would report.
    """
    for name in FORBIDDEN:
        body.pop(name, None)
    model = body.get("model")
    if isinstance(model, str) and "," in model:
        raise InvalidRequestError("Ask for one model in each request, without a comma.", param="model")
    extra = body.get("extra_body")
    if isinstance(extra, dict):
        body["extra_body"] = {name: value for name, value in extra.items() if name not in _METERED_PARAMETERS}
    dropped = body.get("additional_drop_params")
    if isinstance(dropped, list):
        body["additional_drop_params"] = [name for name in dropped if name not in _METERED_PARAMETERS]
    options = body.get("stream_options")
    if body.get("stream") and isinstance(options, dict) and options.get("include_usage") is False:
        # Where the operator forces usage in streams, LiteLLM still lets a client say no.
        body["stream_options"] = {**options, "include_usage": True}
        body["_litellm_strip_stream_usage"] = True


def ask_for_usage(body: Body) -> None:
    """See to it that a stream ends with its usage, which the client need not see.

    LiteLLM does so itself for chats alone.
    """
    if not body.get("stream"):
        return
    options = body.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is not True:
        body["stream_options"] = {**options, "include_usage": True}
        body["_litellm_strip_stream_usage"] = True


def mark(body: Body, hold_id: HoldId) -> None:
    """Write the hold id where LiteLLM hands it back to every hook and into its spend logs."""
    metadata, written = _metadata(body), str(hold_id)
    metadata[HOLD_KEY] = written
    logged = metadata.get(SPEND_LOG_KEY)
    metadata[SPEND_LOG_KEY] = {**(logged if isinstance(logged, dict) else {}), HOLD_KEY: written}


def unmark(body: Body) -> None:
    """Remove a mark that a client wrote."""
    for name in ("metadata", "litellm_metadata"):
        metadata = body.get(name)
        if isinstance(metadata, dict):
            metadata.pop(HOLD_KEY, None)
            logged = metadata.get(SPEND_LOG_KEY)
            if isinstance(logged, dict):
                logged.pop(HOLD_KEY, None)


def headers_of(body: Body) -> dict[str, str]:
    """The request's headers, as LiteLLM keeps them in the body; a client cannot write there."""
    request = body.get("proxy_server_request")
    headers = request.get("headers") if isinstance(request, dict) else None
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}


def is_short(headers: Mapping[str, str]) -> bool:
    """Whether a request came in so few bytes that it is read within half a millisecond, whatever they are."""
    length = headers.get("content-length", "")
    return length.isdecimal() and int(length) <= SHORT_BODY_BYTES


def marked(body: object) -> HoldId | None:
    """The hold id in a request, or in the ``litellm_params`` of a logging event; None without one."""
    if not isinstance(body, dict):
        return None
    for name in ("litellm_metadata", "metadata"):
        metadata = body.get(name)
        value = metadata.get(HOLD_KEY) if isinstance(metadata, dict) else None
        if isinstance(value, str):
            return _hold_id(value)
    return None


@lru_cache(maxsize=4096)  # every hook of a request reads the same one
def _hold_id(text: str) -> HoldId | None:
    try:
        return HoldId(UUID(text))
    except ValueError:
        return None


def _metadata(body: Body) -> dict[str, Any]:
    name = "litellm_metadata" if isinstance(body.get("litellm_metadata"), dict) else "metadata"
    metadata = body.get(name)
    if not isinstance(metadata, dict):
        metadata = {}
        body[name] = metadata
    return metadata
