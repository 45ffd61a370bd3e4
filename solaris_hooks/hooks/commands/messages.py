"""The text of a request's last message, on each route on which people chat."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Wire(StrEnum):
    """Whose words a route speaks: the names of LiteLLM's functions that serve them."""

    CHAT = "chat_completion"
    RESPONSES = "responses_api"
    MESSAGES = "anthropic_response"


_TEXT_PARTS = frozenset({"text", "input_text"})


def last_user_text(wire: Wire, body: Mapping[str, object]) -> str | None:
    """The last message, if a user wrote it and it is text alone; None where it is anything else."""
    messages = body.get("input" if wire is Wire.RESPONSES else "messages")
    if wire is Wire.RESPONSES and isinstance(messages, str):
        return messages
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict) or last.get("role") != "user":
        return None
    return _text(last.get("content"))


def only_text(wire: Wire, body: Mapping[str, object]) -> str | None:
    """The text of a request that is one message and nothing else; None where it is more."""
    messages = body.get("input" if wire is Wire.RESPONSES else "messages")
    if isinstance(messages, list) and len(messages) != 1:
        return None
    return last_user_text(wire, body)


def _text(content: object) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) and part.get("type") in _TEXT_PARTS else None
        if not isinstance(text, str):
            return None
        texts.append(text)
    return "\n".join(texts) if texts else None
