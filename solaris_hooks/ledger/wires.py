"""Connections that requests use: taken from the pool, kept ready, and talked to in libpq's own words.

psycopg's cursors convert, prepare and wait for anything that a program may ask. The few statements that every request
runs need little of that, and a request pays for all of it twice (docs/explanation/where-the-time-goes.md). So a wire
prepares such a statement once, sends its parameters as text, reads the one row that comes back in binary, and has its
socket watched by the event loop all the time. How many connections there are, and how they are made anew, stays with
the pool.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq

from solaris_hooks.ledger.patience import hung_up
from solaris_hooks.ledger.wire_format import Row, Shape, encoded

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.abc import Buffer
    from psycopg.pq.abc import PGresult
    from psycopg.rows import DictRow
    from psycopg_pool import AsyncConnectionPool

    from solaris_hooks.ledger.queries import Positional

_LOG = logging.getLogger(__name__)

KEEP_SECONDS = 600.0
"""A connection goes back to the pool after this time at the latest, which closes those that are old."""

LOOK_SECONDS = 0.5
"""uvloop tells a reader nothing of a socket that its peer has reset: so a statement that waits looks by itself."""


class Wire:
    """One connection, for one statement at a time. The event loop watches its socket while it is out of the pool."""

    def __init__(self, connection: AsyncConnection[DictRow], *, prepare: bool) -> None:
        """Keep the connection; watch nothing yet."""
        self.connection = connection
        self.keep_until = 0.0
        self._libpq = connection.pgconn
        self._encoding = connection.info.encoding
        self._prepare = prepare
        self._prepared: set[str] = set()
        self._shapes: dict[str, Shape] = {}
        self._loop = asyncio.get_running_loop()
        self._socket = -1
        self._results: list[PGresult] = []
        self._answered: asyncio.Future[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether it is connected, and has nothing to wait for."""
        return self._libpq.status == pq.ConnStatus.OK and self._answered is None

    def watch(self) -> None:
        """Be told by the event loop of what comes in, until :meth:`leave`."""
        self._socket = self._libpq.socket
        self._loop.add_reader(self._socket, self._receive)
        self.keep_until = time.monotonic() + KEEP_SECONDS

    def leave(self) -> None:
        """Let the pool, or whoever comes next, wait for the socket."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._socket = -1

    async def row(self, name: str, statement: Positional, parameters: Mapping[str, object]) -> Row:
        """The first row of a statement that always has one.

        Raises:
            psycopg.Error: as a cursor of psycopg would.
        """
        values = [encoded(parameters[each], self._encoding) for each in statement.parameters]
        if not self._prepare:
            self._libpq.send_query_params(statement.text, values, result_format=pq.Format.BINARY)
            result = await self._answer()
            return Shape.of(result, self._encoding).row(result)
        if name not in self._prepared:
            await self._prepare_as(name, statement)
        try:
            result = await self._run(name, values)
        except psycopg.errors.InvalidSqlStatementName:  # somebody has deallocated it
            await self._prepare_as(name, statement)
            result = await self._run(name, values)
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = Shape.of(result, self._encoding)
        return shape.row(result)

    async def _prepare_as(self, name: str, statement: Positional) -> None:
        self._libpq.send_prepare(name.encode(), statement.text)
        await self._answer()
        self._prepared.add(name)

    async def _run(self, name: str, values: Sequence[Buffer | None]) -> PGresult:
        self._libpq.send_query_prepared(name.encode(), values, result_format=pq.Format.BINARY)
        return await self._answer()

    async def _answer(self) -> PGresult:
        """Wait for all that comes back to what was sent. If the caller is cancelled, the connection is not usable."""
        self._results = []
        answered = self._answered = self._loop.create_future()
        while self._libpq.flush():
            await self._writable()
        self._receive()  # a server that went while nobody watched has left its end here
        looking = self._loop.call_later(LOOK_SECONDS, self._look)
        try:
            await answered
        finally:
            looking.cancel()
        self._answered = None
        result = self._results[-1]
        if self._libpq.status != pq.ConnStatus.OK and not result.error_field(pq.DiagnosticField.SQLSTATE):
            raise psycopg.OperationalError(result.get_error_message(self._encoding))
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(result, encoding=self._encoding)
        return result

    async def _writable(self) -> None:
        """Wait until the socket takes more: only what is longer than its buffer needs this."""
        writable = asyncio.Event()
        self._loop.add_writer(self._socket, writable.set)
        try:
            await writable.wait()
        finally:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            self._libpq.consume_input()
            if self._answered is not None:
                self._collect(self._answered)
        except psycopg.OperationalError as exc:
            self.leave()
            if self._answered is not None and not self._answered.done():
                self._answered.set_exception(exc)

    def _look(self) -> None:
        """Look whether the event loop has missed the end of the connection, and go on looking."""
        if self._answered is not None and not self._answered.done():
            self._receive()
            self._loop.call_later(LOOK_SECONDS, self._look)

    def _collect(self, answered: asyncio.Future[None]) -> None:
        while not self._libpq.is_busy():
            result = self._libpq.get_result()
            if result is None:
                if not answered.done():
                    answered.set_result(None)
                return
            self._results.append(result)


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
            patience_seconds: how long a statement waits for its answer.
        """
        self._pool = pool
        self._patience_seconds = patience_seconds
        self._keep = keep
        self._prepare = prepare
        self._known: WeakKeyDictionary[AsyncConnection[DictRow], Wire] = WeakKeyDictionary()
        self._idle: list[Wire] = []
        self._asking = 0  # callers that wait for the pool: what becomes free is theirs

    async def row(self, name: str, statement: Positional, parameters: Mapping[str, object]) -> Row:
        """The first row of a statement that always has one.

        Raises:
            psycopg.Error: as a cursor of psycopg would, or its pool.
        """
        wire = await self._take()
        try:
            with hung_up(wire.connection, after_seconds=self._patience_seconds):
                return await wire.row(name, statement, parameters)
        finally:
            if self._asking or not wire.usable or len(self._idle) >= self._keep:
                await self._give_back(wire)
            else:
                self._idle.append(wire)

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
            await self._give_back(self._idle.pop())

    async def _take(self) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.usable and time.monotonic() < wire.keep_until:
                return wire
            await self._give_back(wire)
        connection = await self._from_pool()
        known = self._known.get(connection)
        if known is None:
            known = self._known[connection] = Wire(connection, prepare=self._prepare)
        known.watch()
        return known

    async def _from_pool(self) -> AsyncConnection[DictRow]:
        self._asking += 1
        try:
            return await self._pool.getconn()
        finally:
            self._asking -= 1

    async def _give_back(self, wire: Wire) -> None:
        wire.leave()
        # Shielded: a caller that is cancelled just now must not take a connection with it.
        await asyncio.shield(self._pool.putconn(wire.connection))
