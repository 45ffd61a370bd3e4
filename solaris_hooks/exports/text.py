"""CSV by RFC 4180, safe to open in a spreadsheet; and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncGenerator
from decimal import Decimal
from io import StringIO

from solaris_hooks.exports.table import Cell, Table, batches, written

_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or skips before one (OWASP on CSV injection)."""


async def csv_chunks(table: Table, *, bom: bool = False) -> AsyncGenerator[bytes, None]:
    """The file, in pieces.

    Args:
        table: what it holds.
        bom: begin with a byte order mark, by which Excel knows UTF-8.
    """
    out = StringIO()
    writer = csv.writer(out)  # lines end with CR LF
    out.write(_BOM if bom else "")
    writer.writerow(table.columns)
    async for batch in batches(table.rows):
        writer.writerows([_plain(cell) for cell in row] for row in batch)
        yield _taken(out)
    if out.tell():
        yield _taken(out)


async def json_chunks(table: Table) -> AsyncGenerator[bytes, None]:
    """One document, in pieces: ``{"data": [{column: value, ...}, ...]}``. Decimal numbers are text."""
    separator = '{"data": [\n'
    async for batch in batches(table.rows):
        lines = [
            json.dumps(dict(zip(table.columns, map(_value, row), strict=True)), ensure_ascii=False) for row in batch
        ]
        yield (separator + ",\n".join(lines)).encode()
        separator = ",\n"
    yield (b"\n]}\n" if separator == ",\n" else b'{"data": []}\n')


def _taken(out: StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def _plain(cell: Cell) -> str | int:
    """Numbers stay numbers; text that would be a formula begins with an apostrophe."""
    if isinstance(cell, int):
        return cell
    if isinstance(cell, Decimal):
        return format(cell, "f")
    text = written(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _value(cell: Cell) -> str | int | None:
    if cell is None or isinstance(cell, int):
        return cell
    return format(cell, "f") if isinstance(cell, Decimal) else written(cell)
