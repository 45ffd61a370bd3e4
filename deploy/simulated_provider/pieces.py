"""The pieces of an answer, each one token, before a format writes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import strict_json


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the visible text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of reasoning, for formats that show it."""

    text: str


@dataclass(frozen=True, slots=True)
class CallOpening:
    """The beginning of the tool call ``index``: its name."""

    index: int
    id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the arguments of the tool call ``index``."""

    index: int
    text: str


Piece = Text | Thought | CallOpening | CallArguments


@dataclass(slots=True)
class Call:
    """A tool call put together from its pieces; a cap may have cut its arguments."""

    opening: CallOpening
    arguments: str = ""

    def read(self) -> dict[str, Any]:
        """Read the arguments: none when a cap has cut them, or when they are no object."""
        try:
            read, _ = strict_json.read_start(self.arguments)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}


@dataclass(slots=True)
class Joined:
    """An answer put together from its pieces, as a client of the stream would."""

    text: str = ""
    thought: str = ""
    calls: list[Call] = field(default_factory=list)


def join(pieces: Iterable[Piece]) -> Joined:
    """Put pieces together, in their order."""
    joined = Joined()
    for piece in pieces:
        match piece:
            case Text():
                joined.text += piece.text
            case Thought():
                joined.thought += piece.text
            case CallOpening():
                joined.calls.append(Call(piece))
            case CallArguments():
                joined.calls[-1].arguments += piece.text
    return joined
