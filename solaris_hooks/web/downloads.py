"""A table as an answer: sent while it is read, in a file that its reader's program opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryFile
from typing import IO

import anyio.to_thread
from starlette.responses import StreamingResponse

from solaris_hooks.exports.table import FileFormat, Table, file_name
from solaris_hooks.exports.text import csv_chunks, json_chunks
from solaris_hooks.exports.xlsx import write_xlsx

_PIECE = 256 * 1024


async def download(table: Table, file_format: FileFormat, *, bom: bool = False) -> StreamingResponse:
    """The answer that carries a table.

    Its first rows are read before the answer begins: what cannot be read is an error like any other. What fails later
    cuts the answer off, which its reader's program notices.

    Raises:
        SolarisError: the table cannot be read.
    """
    chunks = chunks_of(table, file_format, bom=bom)
    first = await anext(chunks, b"")

    async def everything() -> AsyncIterator[bytes]:
        """The first piece again, and all others."""
        yield first
        async for chunk in chunks:
            yield chunk

    headers = {
        "Content-Disposition": f'attachment; filename="{file_name(f"solaris-{table.name}", file_format)}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(everything(), media_type=file_format.media_type, headers=headers)


def chunks_of(table: Table, file_format: FileFormat, *, bom: bool = False) -> AsyncIterator[bytes]:
    """A table as a file, in pieces."""
    if file_format is FileFormat.CSV:
        return csv_chunks(table, bom=bom)
    if file_format is FileFormat.JSON:
        return json_chunks(table)
    return _xlsx_chunks(table)


async def _xlsx_chunks(table: Table) -> AsyncIterator[bytes]:
    """A workbook begins with what is known at its end: it is written to the disk first."""
    async with _temporary() as file:
        await write_xlsx(table, file)
        await anyio.to_thread.run_sync(file.seek, 0)
        while piece := await anyio.to_thread.run_sync(file.read, _PIECE):
            yield piece


@asynccontextmanager
async def _temporary() -> AsyncIterator[IO[bytes]]:
    with TemporaryFile(prefix="solaris-export-") as file:
        yield file
