"""A table on its way into a file, and the cells that it may have."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

Cell = str | int | Decimal | dt.date | dt.datetime | None
"""Text, a number or a time. Times are aware, and written in UTC."""

BATCH = 200
"""Rows that are made into text at once: others of the event loop wait for about a millisecond."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that are read while they are written.

    Attributes:
        name: of the file, without its ending; see :func:`file_name`.
        columns: their names, which stay as they are: programs read them.
        rows: as many cells each.
    """

    name: str
    columns: Sequence[str]
    rows: AsyncIterator[Sequence[Cell]]


class FileFormat(StrEnum):
    """What a table is written as."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """For the header ``Content-Type``."""
        return {
            FileFormat.CSV: "text/csv; charset=utf-8; header=present",
            FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            FileFormat.JSON: "application/json",
        }[self]


def file_name(name: str, file_format: FileFormat) -> str:
    """A name that every system takes, whatever an account is called."""
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:100] or "export"
    return f"{safe}.{file_format.value}"


async def batches(rows: AsyncIterator[Sequence[Cell]], size: int = BATCH) -> AsyncIterator[list[Sequence[Cell]]]:
    """Rows, some at a time; the last ones may be fewer, and none come where there are none."""
    batch: list[Sequence[Cell]] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def written(cell: str | dt.date | dt.datetime | None) -> str:
    """Text, or a time in ISO 8601; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return cell.isoformat() if isinstance(cell, dt.date) else cell
