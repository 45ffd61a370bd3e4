"""Sentences that users read, in both languages."""

from __future__ import annotations

import ast
import datetime as dt
import re
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from solaris_hooks.messages import LOCALES, day, sentence, whole_number

PACKAGE = Path(__file__).parents[2] / "solaris_hooks"


def catalogue(locale: str) -> dict[str, str]:
    file = resources.files("solaris_hooks").joinpath(f"locale/{locale}/LC_MESSAGES/solaris.po")
    with file.open("rb") as source:
        return {str(each.id): str(each.string) for each in read_po(source) if each.id}


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    portuguese, english = (catalogue(locale) for locale in LOCALES)
    assert portuguese.keys() == english.keys()
    for key, text in portuguese.items():
        assert text
        assert set(re.findall(r"%\((\w+)\)s", text)) == set(re.findall(r"%\((\w+)\)s", english[key]))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_refusal_fits_what_librechat_shows(locale: str) -> None:
    longest = {
        "renewal": "September 30, 2026",
        "remaining": "1.000.000.000.000",
        "needed": "1.000.000.000.000",
        "reason": "x" * 80,
        "call_type": "acreate_realtime_transcription_session",
        "path": "/" + "x" * 80,
        "model": "x" * 60,
        "units": "character, call",
        "running": "1000000",
        "allowed": "x" * 80,
    }
    for key, text in catalogue(locale).items():
        if not key.startswith("refusal."):
            continue
        names = set(re.findall(r"%\((\w+)\)s", text))
        assert len("402 " + sentence(locale, key, **{name: longest[name] for name in names})) <= 240, key
        assert "{" not in text
        assert "\n" not in text


def keys_in_code() -> tuple[set[str], set[str]]:
    """Keys that code and templates ask for in so many words, and all texts in the code, which may be keys."""
    asked, texts = set[str](), set[str]()
    for file in sorted(PACKAGE.rglob("*.py")):
        with file.open("rb") as source:
            asked |= {str(found[1]) for found in extract("python", source, keywords={"sentence": (2,)})}
        tree = ast.parse(file.read_text("utf-8"))
        texts |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    for file in sorted((PACKAGE / "web").rglob("templates/**/*.*")):
        with file.open("rb") as source:
            found = extract("jinja2.ext:babel_extract", source, keywords={"t": None}, options={"trimmed": "true"})
            asked |= {str(each[1]) for each in found}
    return asked, texts


def test_every_sentence_that_code_asks_for_is_there_and_none_is_there_for_nothing() -> None:
    asked, texts = keys_in_code()
    known = set(catalogue("en"))
    assert {"refusal.held", "chat.renewal", "page.entries"} <= asked, "the extraction finds what it should"
    assert asked - known == set()
    assert known - asked - texts == set()


def test_numbers_and_days_are_written_as_the_language_writes_them() -> None:
    instant = dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)
    assert day("pt_BR", instant, "America/Sao_Paulo") == "01/12/2026"
    assert day("en", instant, "America/Sao_Paulo") == "December 1, 2026"
    assert day("pt_BR", instant - dt.timedelta(seconds=1), "America/Sao_Paulo") == "30/11/2026"
    assert whole_number("pt_BR", 1234567) == "1.234.567"
    assert whole_number("en", 1234567) == "1,234,567"


def test_an_unknown_language_reads_as_portuguese() -> None:
    assert sentence("xx", "refusal.held") == sentence("pt_BR", "refusal.held")
    assert whole_number("xx", 1000) == "1.000"
