"""The named statements of ``sql/queries.sql``."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- (?P<name>[a-z_]+) --$", re.MULTILINE)


@cache
def statements() -> dict[str, str]:
    """All statements by name, read once from the package."""
    text = resources.files("solaris_hooks.ledger").joinpath("sql/queries.sql").read_text("utf-8")
    _, *pieces = _NAME.split(text)
    return dict(zip(pieces[::2], (body.strip().rstrip(";") for body in pieces[1::2]), strict=True))
