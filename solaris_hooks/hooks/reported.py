"""What stands in answers, be they LiteLLM's objects or plain dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solaris_hooks.quota.usage import Usage, reported_usage

_NO_MODEL = object()


def usage_of(answer: object, *, no_output: bool = False) -> Usage | None:
    """Usage in OpenAI's words; None where an answer has none that can be believed.

    Args:
        answer: whole, or a chunk of one.
        no_output: the kind of call generates nothing, so a missing count of output is none.
    """
    usage = field_of(answer, "usage")
    if usage is None:
        return None
    completion_tokens = field_of(usage, "completion_tokens")
    return reported_usage(
        prompt_tokens=field_of(usage, "prompt_tokens"),
        completion_tokens=0 if completion_tokens is None and no_output else completion_tokens,
        cached_tokens=field_of(field_of(usage, "prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=field_of(field_of(usage, "completion_tokens_details"), "reasoning_tokens"),
    )


def text_of(answer: object) -> str:
    """All text that a chat answer or a chunk of one carries: content, reasoning and tool calls."""
    pieces: list[str] = []
    for choice in items_of(answer, "choices"):
        part = field_of(choice, "delta")
        if part is None:
            part = field_of(choice, "message")
            if part is None:
                continue
        pieces.append(text_or_nothing(field_of(part, "content")))
        pieces.append(text_or_nothing(field_of(part, "reasoning_content")))
        for call in items_of(part, "tool_calls"):
            function = field_of(call, "function")
            pieces += [text_or_nothing(field_of(function, name)) for name in ("name", "arguments")]
    return "".join(pieces)


def text_or_nothing(value: object) -> str:
    """A text, or an empty one where there is something else."""
    return value if isinstance(value, str) else ""


def items_of(holder: object, name: str) -> Sequence[object]:
    """The items of a list in an object or a dictionary; none where there is no list."""
    found = field_of(holder, name)
    return found if isinstance(found, list | tuple) else ()


def field_of(holder: object, name: str) -> object:
    """What stands under a name in an object or a dictionary; None where nothing does."""
    if isinstance(holder, dict):
        return holder.get(name)
    # Most names are asked for in vain, chunk by chunk: pydantic takes 5 us to say that an attribute is missing, and
    # 0.5 us to say whether an object is one of its models.
    extra: Any = getattr(holder, "__pydantic_extra__", _NO_MODEL)
    if extra is _NO_MODEL:
        return getattr(holder, name, None)
    values = holder.__dict__
    if name in values:
        return values[name]
    return extra.get(name) if extra else None
