"""A network that a test can cut, stall, slow down or lead elsewhere: a TCP relay in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from enum import Enum

from deploy.local.ports import LOOPBACK, free_port

_BYTES = 1 << 16


class Network(Enum):
    """How it behaves."""

    FINE = "fine"
    SLOW = "slow"
    STALLED = "stalled"
    """Nothing passes, nothing is refused."""
    CUT = "cut"
    """Connections end, new ones are closed at once."""


class Relay:
    """Listens on a port of its own and passes bytes to another."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._target = port
        self._state = Network.FINE
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def set(self, state: Network, *, delay: float = 0.0, port: int | None = None) -> None:
        """Change the network; a new port is where new connections lead, and the old ones are cut."""
        asyncio.run_coroutine_threadsafe(self._set(state, delay, port), self._loop).result(10)

    def close(self) -> None:
        """End everything."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _set(self, state: Network, delay: float, port: int | None) -> None:
        self._state, self._delay = state, delay
        moved = port is not None and port != self._target
        self._target = port or self._target
        if state is Network.CUT or moved:
            for writer in list(self._writers):
                writer.transport.abort()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._state is Network.CUT:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            there_reader, there = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(there)
        try:
            await asyncio.gather(self._pass(reader, there), self._pass(there_reader, writer))
        finally:
            for each in (writer, there):
                each.transport.abort()
                self._writers.discard(each)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_BYTES):
                while self._state is Network.STALLED:
                    await self._changed.wait()
                if self._state is Network.SLOW:
                    await asyncio.sleep(self._delay)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@contextlib.contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """A relay for as long as the block lasts."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.close()
