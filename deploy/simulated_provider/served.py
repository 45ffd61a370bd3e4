"""What an answer cost: its tokens, its units, and how its usage is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .directive import Directive


@dataclass(frozen=True, slots=True)
class Tokens:
    """An answer's tokens, whatever its format calls them.

    Attributes:
        prompt_tokens: all of the prompt's, those read from and written to a cache included.
        completion_tokens: all of the answer's, reasoning included.
        total_tokens: as reported, which need not be the sum when a test states the usage.
        cached_tokens: those of the prompt that were read from a cache.
        cache_creation_tokens: those of the prompt that were written to a cache.
        reasoning_tokens: those of the answer that are reasoning.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Units:
    """What an answer is made of beside tokens.

    Attributes:
        images: images drawn.
        seconds: whole seconds of audio heard, rounded up.
        characters: characters spoken, those of a directive included, as any proxy counts them.
        search_units: search units billed.
    """

    images: int = 0
    seconds: int = 0
    characters: int = 0
    search_units: int = 0


class Missing(Enum):
    """Why an answer sent to its end has no tokens in the books, by the name of the total."""

    UNREPORTED = "unreported"
    UNUSABLE = "unusable_usage"


@dataclass(frozen=True, slots=True)
class UsageShape:
    """One format's way to write usage, and to read it back.

    Attributes:
        write: gives the usage of these tokens.
        read: gives the tokens of a usage, or None when it makes no sense.
    """

    write: Callable[[Tokens], dict[str, Any]]
    read: Callable[[Any], Tokens | None]


@dataclass(frozen=True, slots=True)
class Report:
    """The usage that goes with an answer.

    Attributes:
        content: what is reported, verbatim.
        omitted: whether nothing is reported at all.
        receipt: what the books take from it.
    """

    content: Any
    omitted: bool
    receipt: Tokens | Missing

    def field(self, name: str = "usage") -> dict[str, Any]:
        """Give the usage as a field of a body, or no field at all when it is omitted."""
        return {} if self.omitted else {name: self.content}


NO_TOKENS = Report(None, omitted=True, receipt=Tokens())
"""The report of an answer that has no tokens to report."""


def report(directive: Directive, tokens: Tokens, shape: UsageShape, *, asked: bool = True) -> Report:
    """Decide what is reported.

    Args:
        directive: what the test wants reported.
        tokens: the true figures.
        shape: how the format writes them.
        asked: whether the client wants usage.
    """
    content = directive.usage if directive.states_usage else shape.write(tokens)
    if directive.omit_usage or not asked:
        return Report(content, omitted=True, receipt=Missing.UNREPORTED)
    receipt = shape.read(directive.usage) if directive.states_usage else tokens
    return Report(content, omitted=False, receipt=receipt or Missing.UNUSABLE)
