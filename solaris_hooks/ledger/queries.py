"""The named statements of the files ``sql/*.sql``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- (?P<name>[a-z_]+) --$", re.MULTILINE)
_PARAMETER = re.compile(r"%\((?P<name>[a-z_]+)\)s")


@dataclass(frozen=True, slots=True)
class Positional:
    """A statement as PostgreSQL itself reads it: with ``$1``, ``$2``...

    Attributes:
        parameters: the name of each, in order.
    """

    text: bytes
    parameters: tuple[str, ...]


@cache
def statements() -> dict[str, str]:
    """All statements by name, read once from the package."""
    folder = resources.files("solaris_hooks.ledger").joinpath("sql")
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".sql")), key=lambda each: each.name)
    text = "\n".join(each.read_text("utf-8") for each in files)
    _, *pieces = _NAME.split(text)
    return dict(zip(pieces[::2], (body.strip().rstrip(";") for body in pieces[1::2]), strict=True))


def positional(text: str) -> Positional:
    """A statement with numbers in place of its parameters' names."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found['name']) + 1}", text)
    return Positional(numbered.encode(), names)
