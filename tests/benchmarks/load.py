"""A client that costs little: HTTP/1.1 over kept connections, straight on asyncio's streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

_LIMIT = 2**20


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one request took, in seconds."""

    first: float
    """Until the first byte of the answer's body."""
    whole: float


@dataclass(frozen=True, slots=True)
class Block:
    """One run of requests."""

    seconds: float
    timings: Sequence[Timing]


class RefusedError(Exception):
    """An answer was not 200: the measurement means nothing."""


class Connection:
    """One kept connection, that sends one request again and again."""

    def __init__(self, base_url: str, path: str, *, key: str, body: Mapping[str, object]) -> None:
        """Write the request once."""
        url = urlsplit(base_url)
        self._host, self._port = url.hostname or "", url.port or 80
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {url.netloc}\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        self._request = head.encode() + content
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> Timing:
        """Send the request and read the whole answer.

        Raises:
            RefusedError: the answer is not a 200.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=_LIMIT)
        reader, writer = self._streams
        began = time.perf_counter()
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"transfer-encoding: chunked" in head:
            first, rest = await _read_chunks(reader)
        else:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            rest = await reader.readexactly(length)
            first = time.perf_counter()
        ended = time.perf_counter()
        if not head.startswith(b"http/1.1 200") or b'"error":' in rest:
            raise RefusedError(rest.decode(errors="replace")[:500])
        if b"\r\nconnection: close" in head:
            self.close()
        return Timing(first - began, ended - began)

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[float, bytes]:
    """Read a chunked body: when its first chunk was there, and its last one that is not empty."""
    first = 0.0
    last = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        first = first or time.perf_counter()
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return first, last
        last = chunk


async def run_block(connections: Sequence[Connection], requests: int) -> Block:
    """Send so many requests, each connection the next one as soon as it has its answer."""
    left = count(1)
    timings: list[Timing] = []

    async def work(connection: Connection) -> None:
        while next(left) <= requests:
            timings.append(await connection.ask())

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(work(connection))
    return Block(time.perf_counter() - began, timings)
