"""Usage as LiteLLM reports it, in its objects or in plain dictionaries."""

from __future__ import annotations

from collections.abc import Iterable

from solaris_hooks.quota.usage import Usage, reported_usage


def usage_of(answer: object) -> Usage | None:
    """Usage in a chat answer or a chunk of one; None where it has none that can be believed."""
    usage = _field(answer, "usage")
    if usage is None:
        return None
    return reported_usage(
        prompt_tokens=_field(usage, "prompt_tokens"),
        completion_tokens=_field(usage, "completion_tokens"),
        cached_tokens=_field(_field(usage, "prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_field(_field(usage, "completion_tokens_details"), "reasoning_tokens"),
    )


def text_of(answer: object) -> str:
    """All text that a chat answer or a chunk of one carries: content, reasoning and tool calls."""
    pieces: list[str] = []
    for choice in _items(answer, "choices"):
        for name in ("delta", "message"):
            part = _field(choice, name)
            pieces += [_text(_field(part, "content")), _text(_field(part, "reasoning_content"))]
            for call in _items(part, "tool_calls"):
                function = _field(call, "function")
                pieces += [_text(_field(function, "name")), _text(_field(function, "arguments"))]
    return "".join(pieces)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _items(holder: object, name: str) -> Iterable[object]:
    found = _field(holder, name)
    return found if isinstance(found, list | tuple) else ()


def _field(holder: object, name: str) -> object:
    if isinstance(holder, dict):
        return holder.get(name)
    return getattr(holder, name, None)
