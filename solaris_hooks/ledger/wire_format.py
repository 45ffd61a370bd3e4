"""Values on their way to PostgreSQL and back, for the statements of requests: text there, binary back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import psycopg

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

Row = Mapping[str, Any]

_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_BOOL, _INT8, _INT2, _INT4, _TEXT, _TIMESTAMPTZ = 16, 20, 21, 23, 25, 1184


def encoded(value: object, encoding: str) -> bytes | None:
    """A parameter in PostgreSQL's text form; None for null.

    Raises:
        psycopg.DataError: a text with a zero byte, which PostgreSQL's texts cannot hold.
        TypeError: a type that no statement of a request has.
    """
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return value.encode(encoding)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, UUID):
        return str(value).encode()
    if isinstance(value, dt.datetime):
        return value.isoformat().encode()
    raise TypeError(f"{type(value).__name__} is no type of a parameter here")


def _integer(octets: bytes) -> int:
    return int.from_bytes(octets, signed=True)


@lru_cache(maxsize=4096)  # few periods begin and end at other times
def _instant(octets: bytes) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=_integer(octets))


def _decoders(encoding: str) -> Mapping[int, Callable[[bytes], object]]:
    return {
        _BOOL: lambda octets: octets != b"\0",
        _INT2: _integer,
        _INT4: _integer,
        _INT8: _integer,
        _TEXT: lambda octets: octets.decode(encoding),
        _TIMESTAMPTZ: _instant,
    }


@dataclass(frozen=True, slots=True)
class Shape:
    """What the columns of a result are called, and how each is read."""

    columns: Sequence[tuple[str, Callable[[bytes], object]]]

    @classmethod
    def of(cls, result: PGresult, encoding: str) -> Self:
        """The shape of a result.

        Raises:
            TypeError: a column has a type that no statement of a request returns.
        """
        decoders = _decoders(encoding)
        columns = []
        for number in range(result.nfields):
            name, oid = (result.fname(number) or b"").decode(encoding), result.ftype(number)
            if oid not in decoders:
                raise TypeError(f"column {name} has type {oid}, which is not read here")
            columns.append((name, decoders[oid]))
        return cls(columns)

    def row(self, result: PGresult) -> Row:
        """The first row of a result, by column; times are in UTC."""
        found: dict[str, object] = {}
        for number, (name, decode) in enumerate(self.columns):
            octets = result.get_value(0, number)
            found[name] = None if octets is None else decode(octets)
        return found
