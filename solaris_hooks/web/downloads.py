"""A table as an answer: sent while it is read, in a file that its reader's program opens."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from solaris_hooks.exports.files import chunks_of
from solaris_hooks.exports.table import FileFormat, Table, file_name


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
