"""A table as a file, in pieces: to send, to write or to attach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from tempfile import TemporaryFile
from typing import IO

from solaris_hooks.exports.table import FileFormat, Table
from solaris_hooks.exports.text import csv_chunks, json_chunks
from solaris_hooks.exports.xlsx import write_xlsx

_PIECE = 256 * 1024


def chunks_of(table: Table, file_format: FileFormat, *, bom: bool = False) -> AsyncGenerator[bytes, None]:
    """A table as a file, in pieces."""
    if file_format is FileFormat.CSV:
        return csv_chunks(table, bom=bom)
    if file_format is FileFormat.JSON:
        return json_chunks(table)
    return _xlsx_chunks(table)


async def _xlsx_chunks(table: Table) -> AsyncGenerator[bytes, None]:
    """A workbook begins with what is known at its end: it is written to the disk first."""
    async with _temporary() as file:
        await write_xlsx(table, file)
        await asyncio.to_thread(file.seek, 0)
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


@asynccontextmanager
async def _temporary() -> AsyncIterator[IO[bytes]]:
    with TemporaryFile(prefix="solaris-export-") as file:
        yield file


async def whole_file(table: Table, file_format: FileFormat, *, most_bytes: int, bom: bool = False) -> bytes | None:
    """A table as a file in memory; None where it is larger than that.

    Args:
        table: what it holds.
        file_format: what it is written as.
        most_bytes: the largest file.
        bom: begin CSV with a byte order mark, by which Excel knows UTF-8.
    """
    made = bytearray()
    async with aclosing(chunks_of(table, file_format, bom=bom)) as chunks:
        async for chunk in chunks:
            made += chunk
            if len(made) > most_bytes:
                return None
    return bytes(made)
