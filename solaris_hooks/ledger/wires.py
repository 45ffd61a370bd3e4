"""Connections that requests use: taken from the pool, kept ready, and shared by all that wait.

psycopg's cursors convert, prepare and wait for anything that a program may ask. The few statements that every request
runs need little of that, and a request pays for all of it twice (docs/explanation/where-the-time-goes.md). So a wire
prepares such a statement once, sends its parameters as text, reads the one row that comes back in binary, and has its
socket watched by the event loop all the time. How many connections there are, and how they are made anew, stays with
the pool; but whoever waits for one that is busy waits here, because the pool would need several turns of the event loop
to pass it on, each of them as long as everything else that happens in the proxy.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from psycopg_pool import PoolTimeout

from solaris_hooks.ledger.wire import Call, Wire
from solaris_hooks.ledger.wire_format import Row

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow
    from psycopg_pool import AsyncConnectionPool

    from solaris_hooks.ledger.queries import Positional


LEAST_PATIENCE_SECONDS = 0.1
"""For a connection of the pool, where the wait for another one has used up nearly all patience."""


class Wires:
    """Runs statements of requests on connections of a pool, and keeps those ready for the next ones."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[DictRow]], *, keep: int, prepare: bool, patience_seconds: float
    ) -> None:
        """Take nothing yet.

        Args:
            pool: it decides how many connections there are.
            keep: how many may stay out of it while nobody uses them.
            prepare: False where PgBouncer before 1.21 pools by transaction.
            patience_seconds: how long a statement waits for a connection, and then for its answer.
        """
        self._pool = pool
        self._patience_seconds = patience_seconds
        self._keep = keep
        self._prepare = prepare
        self._known: WeakKeyDictionary[AsyncConnection[DictRow], Wire] = WeakKeyDictionary()
        self._idle: list[Wire] = []
        self._out = 0  # wires, and those that are on their way from the pool
        self._waiting: deque[Call] = deque()
        self._asking = 0  # who waits for the pool: what becomes free is theirs
        self._tasks: set[asyncio.Task[None]] = set()

    async def row(self, name: str, statement: Positional, parameters: Mapping[str, object]) -> Row:
        """The first row of a statement that always has one.

        Raises:
            psycopg.Error: as a cursor of psycopg would, or its pool.
            NoAnswerError: the server did not answer in time.
        """
        loop = asyncio.get_running_loop()
        call = Call(name, statement, parameters, loop.create_future(), loop.time() + self._patience_seconds)
        wire = self._ready()
        if wire is not None:
            wire.run(call)
        elif self._out < max(self._keep, 1):
            self._fetch_for(call)
        else:
            call.waits = loop.call_at(call.deadline, self._give_up, call)
            self._waiting.append(call)
        return await call.answered

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection for anything else that psycopg can do.

        Raises:
            psycopg.Error: of the pool.
        """
        connection = await self._from_pool()
        try:
            async with connection:  # commits or rolls back, closes nothing
                yield connection
        finally:
            await asyncio.shield(self._pool.putconn(connection))

    async def close(self) -> None:
        """Give everything back to the pool."""
        while self._idle:
            wire = self._idle.pop()
            wire.leave()
            self._out -= 1
            await self._pool.putconn(wire.connection)

    def _ready(self) -> Wire | None:
        while self._idle:
            wire = self._idle.pop()
            if wire.usable:
                return wire
            self._give_back(wire)
        return None

    def _free(self, wire: Wire) -> None:
        """A wire has nothing to do: it serves who waits, here or for the pool, or is kept."""
        if self._asking or not wire.usable:
            self._give_back(wire)
            return
        call = self._next()
        if call is not None:
            wire.run(call)
        elif len(self._idle) < self._keep:
            self._idle.append(wire)
        else:
            self._give_back(wire)

    def _next(self) -> Call | None:
        """The first that still waits."""
        while self._waiting:
            call = self._waiting.popleft()
            if call.waits is not None:
                call.waits.cancel()
            if not call.answered.done():
                return call
        return None

    def _give_up(self, call: Call) -> None:
        call.fail(PoolTimeout(f"no connection became free within {self._patience_seconds:g} s"))

    def _give_back(self, wire: Wire) -> None:
        wire.leave()
        self._out -= 1
        self._spawn(self._pool.putconn(wire.connection))
        call = self._next()
        if call is not None:
            self._fetch_for(call)

    def _fetch_for(self, call: Call) -> None:
        self._out += 1
        self._spawn(self._fetch(call))

    async def _fetch(self, call: Call) -> None:
        """Take a connection out of the pool for a statement; who waits behind it is served next."""
        try:
            left = call.deadline - asyncio.get_running_loop().time()
            connection = await self._from_pool(patience_seconds=max(left, LEAST_PATIENCE_SECONDS))
        except BaseException as exc:
            self._out -= 1
            call.fail(exc if isinstance(exc, Exception) else PoolTimeout("the ledger is closing"))
            behind = self._next()
            if behind is not None:
                self._fetch_for(behind)
            if not isinstance(exc, Exception):
                raise
            return
        wire = self._known.get(connection)
        if wire is None:
            wire = self._known[connection] = Wire(
                connection, prepare=self._prepare, patience_seconds=self._patience_seconds, on_free=self._free
            )
        wire.watch()
        if call.answered.done():  # cancelled meanwhile
            self._free(wire)
        else:
            wire.run(call)

    async def _from_pool(self, *, patience_seconds: float | None = None) -> AsyncConnection[DictRow]:
        self._asking += 1
        try:
            return await self._pool.getconn(patience_seconds)
        finally:
            self._asking -= 1

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        """In a task of its own: a caller that is cancelled just now must not take a connection with it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
