"""Counting tokens with LiteLLM's bundled tokenizer, outside of the event loop."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING

import litellm
from litellm.litellm_core_utils.default_encoding import encoding

if TYPE_CHECKING:
    from solaris_hooks.quota.prompt import Prompt

SHORT_TEXT_BYTES = 2_000
"""Below this, counting takes less than 0.5 ms, which costs less than handing it to a thread."""

SLICE_CHARACTERS = 10_000

PIECE_CHARACTERS = 32
"""Longer pieces of a stream are hardly ever sent again."""

MOST_PIECES = 50_000
"""Pieces of streams whose count is remembered: most are one token each, and there are as many tokens; some 7 MB."""


def prepare() -> None:
    """Load the tokenizer, which takes some 0.3 s the first time, and keep LiteLLM off the network for one."""
    litellm.disable_hf_tokenizer_download = True
    encoding.encode("warm up")


def count(text: str) -> int:
    """Tokens of a text, by the tokenizer that LiteLLM carries; special tokens count as text.

    Counted slice by slice: byte-pair encoding of one long run without blanks takes time that grows
    with its square, and a client chooses the text. A cut adds a token at the most.
    """
    return sum(
        len(encoding.encode_ordinary(text[start : start + SLICE_CHARACTERS]))
        for start in range(0, len(text), SLICE_CHARACTERS)
    )


@lru_cache(maxsize=MOST_PIECES)
def count_piece(text: str) -> int:
    """Tokens of a short piece of a stream: providers send the same ones again and again."""
    return count(text)


async def count_prompt(prompt: Prompt) -> int:
    """Tokens of a prompt, without blocking the event loop for longer than 0.5 ms."""
    if prompt.upper_bound <= SHORT_TEXT_BYTES:
        return prompt.counted(count)
    return await asyncio.to_thread(prompt.counted, count)


async def count_aside(text: str) -> int:
    """Tokens of a text, without blocking the event loop for longer than 0.5 ms."""
    if len(text) <= SHORT_TEXT_BYTES:
        return count(text)
    return await asyncio.to_thread(count, text)
