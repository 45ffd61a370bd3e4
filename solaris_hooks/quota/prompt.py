"""How many tokens a prompt may be: a cheap upper bound, and the texts for an exact count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

PROMPT_FIELDS = (
    "messages",
    "prompt",
    "input",
    "instructions",
    "system",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "response_format",
    "prediction",
    "web_search_options",
)
"""Fields of a request whose text the model reads."""

OVERHEAD_TOKENS = 16
"""What a chat format adds to any prompt (start, role of the answer), generously."""

OBJECT_TOKENS = 4
"""What a chat format adds to each message, part and tool: OpenAI's cookbook counts 3 for a message."""

_MEDIA_FIELDS = frozenset({"image_url", "input_image", "input_audio", "file", "source", "video_url"})
"""Fields whose text is data of another medium: base64 or an address, not words."""

_BYTES_PER_MEDIA_TOKEN = 16
"""Sound and documents: a second of MP3 at 128 kbit/s is 16 kB and counts 10 to 32 tokens; a page of a
PDF is some 50 kB and counts up to 3,000. One token for 16 bytes is above both."""

_LONGEST_NAME = 256
"""Longer texts beside a medium are its data, shorter ones name it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is known of a prompt without a tokenizer.

    Attributes:
        texts: every text the model reads.
        fixed_tokens: what the format and other media add to the texts.
        upper_bound: tokens that the prompt cannot exceed: a token of a byte-level tokenizer is at least
            one byte, so the texts have at most as many tokens as bytes.
    """

    texts: tuple[str, ...]
    fixed_tokens: int
    upper_bound: int

    def counted(self, count: Callable[[str], int]) -> int:
        """Tokens by a tokenizer; never above the upper bound.

        Args:
            count: tokens of one text. It may take long: call this outside of an event loop.
        """
        return min(count("\n".join(self.texts)) + self.fixed_tokens, self.upper_bound)


def read_prompt(body: Mapping[str, object], *, media_tokens: int) -> Prompt:
    """Walk the fields of a request that the model reads.

    Iterative, since a client chooses how deep its JSON nests.

    Args:
        body: the request's JSON.
        media_tokens: estimate for each image, and the least for any other medium.
    """
    texts: list[str] = []
    fixed = OVERHEAD_TOKENS
    for kind, value in _leaves(body):
        if kind == "text":
            texts.append(value)
        elif kind == "object":
            fixed += OBJECT_TOKENS
        elif kind == "image":
            fixed += media_tokens
        else:
            fixed += max(media_tokens, len(value) // _BYTES_PER_MEDIA_TOKEN)
    size = sum(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return Prompt(tuple(texts), fixed, size + len(texts) + fixed)


def _leaves(body: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Pairs of a kind (text, object, image, media) and a text."""
    waiting: list[tuple[str | None, object]] = [(name, body[name]) for name in PROMPT_FIELDS if name in body]
    while waiting:
        field, value = waiting.pop()
        if field in _MEDIA_FIELDS and isinstance(value, str | Mapping):
            yield _medium(field, value)
        elif isinstance(value, str):
            yield "text", value
        elif isinstance(value, Mapping):
            yield "object", ""
            for name, inner in value.items():
                yield "text", str(name)
                waiting.append((str(name), inner))
        elif isinstance(value, list | tuple):
            waiting.extend((None, inner) for inner in value)
        elif value is not None:
            yield "text", str(value)


def _medium(field: str | None, value: str | Mapping[str, object]) -> tuple[str, str]:
    if field in {"image_url", "input_image"}:
        return "image", ""
    if isinstance(value, str):
        return "media", value
    media_type = str(value.get("media_type", ""))
    data = next((inner for inner in value.values() if isinstance(inner, str) and len(inner) > _LONGEST_NAME), "")
    return ("image", "") if media_type.startswith("image/") else ("media", data)
