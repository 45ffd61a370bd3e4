"""What pages say in English, they say in Portuguese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from babel.messages.extract import extract
from babel.messages.pofile import read_po

PACKAGE = Path(__file__).parents[3] / "solaris_hooks"
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def said() -> Iterator[str | tuple[str, ...]]:
    """Messages of templates and of code: ``_("...")``, ``ngettext("...", "...", n)``, and ``{% trans %}``."""
    for file in sorted((PACKAGE / "web").rglob("templates/**/*.html")):
        with file.open("rb") as source:
            for each in extract("jinja2.ext:babel_extract", source, options={"trimmed": "true", "silent": "false"}):
                yield each[1]
    for file in sorted((PACKAGE / "web").rglob("*.py")):
        with file.open("rb") as source:
            for each in extract("python", source, keywords={"_": None, "ngettext": (1, 2)}):
                yield each[1]


def test_every_message_has_a_translation_with_its_values_and_none_is_left_over() -> None:
    asked = set(said())
    assert {"Sign in", "Overview"} <= asked, "the extraction finds what it should"
    file = resources.files("solaris_hooks").joinpath("locale/pt_BR/LC_MESSAGES/pages.po")
    with file.open("rb") as source:
        known = {each.id: each.string for each in read_po(source) if each.id}
    assert asked - known.keys() == set()
    assert known.keys() - asked == set()
    for english, portuguese in known.items():
        forms = (portuguese,) if isinstance(portuguese, str) else tuple(portuguese or ())
        originals = (english,) if isinstance(english, str) else english
        assert forms, english
        wanted = {name for each in originals for name in _PLACEHOLDER.findall(each)}
        for form in forms:
            assert form, english
            assert set(_PLACEHOLDER.findall(form)) <= wanted, english
