"""What processes tell each other of how long answers get."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LengthKind(StrEnum):
    """What a length was measured of."""

    STREAM = "stream"
    """Output tokens of a streamed answer."""
    WHOLE = "whole"
    """Output tokens of an answer that came in one piece."""
    PROMPT = "prompt"
    """What the provider counted of a prompt, in percent of our own count; each percent is a bucket."""
    BEYOND_CAP = "beyond_cap"
    """Output tokens of an answer that was longer than its request allowed."""


@dataclass(frozen=True, slots=True)
class LengthCount:
    """How often a model's answers fell into a bucket of :mod:`solaris_hooks.quota.lengths`."""

    model: str
    kind: LengthKind
    bucket: int
    count: int
