"""Types of the API's fields: strict, bounded, and the same in bodies, answers and the CLI."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema

from solaris_hooks.quota.checks import MAX_TOKENS

MAX_TEXT = 500
MAX_MESSAGE = 1000
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Control characters could forge lines in logs, and PostgreSQL keeps no NUL; lone surrogates are no text.
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}


def is_plain(text: str) -> bool:
    """Whether a text is one line of characters that can be seen."""
    return all(unicodedata.category(character) not in _UNSEEN for character in text)


def _printable(text: str) -> str:
    if not is_plain(text):
        raise ValueError("must be plain text without control characters")
    return text.strip()


def _not_blank(text: str) -> str:
    if not text:
        raise ValueError("must not be blank")
    return text


def _lines(text: str) -> str:
    return _not_blank("\n".join(_printable(line) for line in text.replace("\r\n", "\n").split("\n")).strip("\n"))


def _instant(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be a time such as 2027-01-31T23:59:59Z")
    try:
        return dt.datetime.fromisoformat(value.upper()).astimezone(dt.UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError("must be a time such as 2027-01-31T23:59:59Z") from exc


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("must be a day such as 2027-01-31")
    return value


def _with_z(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


_Printable = AfterValidator(_printable)

Text = Annotated[str, Field(strict=True, max_length=MAX_TEXT), _Printable]
"""Text of a person, at most 500 characters; "" where there is none."""

SomeText = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_TEXT), _Printable, AfterValidator(_not_blank)]
"""Text that must say something."""

MessageText = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_MESSAGE), AfterValidator(_lines)]
"""What a person writes to another: lines of plain text, at most 1,000 characters."""

ShortText = Annotated[str, Field(strict=True, min_length=1, max_length=200), _Printable, AfterValidator(_not_blank)]
"""A name or a key."""

Email = Annotated[str, Field(strict=True, max_length=254, pattern=r"^(?:[^@\s]+@[^@\s]+)?$"), _Printable]
"""An address, or "" where there is none."""

Tokens = Annotated[StrictInt, Field(ge=0, le=MAX_TOKENS)]
"""Booked tokens."""

SomeTokens = Annotated[StrictInt, Field(ge=1, le=MAX_TOKENS)]
"""Booked tokens, at least one."""

Instant = Annotated[
    dt.datetime,
    BeforeValidator(_instant),
    PlainSerializer(_with_z, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2027-01-31T23:59:59Z"]}),
]
"""A time: RFC 3339 with its zone in bodies, UTC with Z in answers."""

Day = Annotated[dt.date, BeforeValidator(_day)]
"""A local day, YYYY-MM-DD."""
