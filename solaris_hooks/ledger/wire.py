"""One connection that requests use, talked to in libpq's own words; :mod:`solaris_hooks.ledger.wires` says why."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

from solaris_hooks.ledger.patience import NoAnswerError
from solaris_hooks.ledger.wire_format import Row, Shape, encoded

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.abc import Buffer
    from psycopg.pq.abc import PGresult
    from psycopg.rows import DictRow

    from solaris_hooks.ledger.queries import Positional

KEEP_SECONDS = 600.0
"""A connection goes back to the pool after this time at the latest, which closes those that are old."""

LOOK_SECONDS = 0.5
"""uvloop tells a reader nothing of a socket that its peer has reset: so a statement that waits looks by itself."""


@dataclass(slots=True, eq=False)
class Call:
    """One statement that somebody waits for.

    Attributes:
        answered: its first row, or what went wrong. Who is cancelled cancels this; the statement ends all the same.
        deadline: until when it waits for a connection, by the event loop's clock.
        waits: what ends that wait.
        prepared_anew: somebody had deallocated it, once.
    """

    name: str
    statement: Positional
    parameters: Mapping[str, object]
    answered: asyncio.Future[Row]
    deadline: float
    waits: asyncio.TimerHandle | None = None
    prepared_anew: bool = False
    values: list[Buffer | None] = field(default_factory=list)

    def fail(self, why: BaseException) -> None:
        """Tell what went wrong, if anybody still listens."""
        if not self.answered.done():
            self.answered.set_exception(why)


class Wire:
    """Runs one statement at a time. The event loop watches its socket while it is out of the pool.

    All of it happens in callbacks of the event loop: when an answer is whole, the next statement leaves in the same
    turn, for turns are long where a hundred requests run at once.
    """

    def __init__(
        self,
        connection: AsyncConnection[DictRow],
        *,
        prepare: bool,
        patience_seconds: float,
        on_free: Callable[[Wire], None],
    ) -> None:
        """Keep the connection; watch nothing yet.

        Args:
            connection: of the pool.
            prepare: False where PgBouncer before 1.21 pools by transaction.
            patience_seconds: how long a statement waits for its answer.
            on_free: told when a statement has ended, however it did.
        """
        self.connection = connection
        self._libpq = connection.pgconn
        self._encoding = connection.info.encoding
        self._prepare = prepare
        self._patience_seconds = patience_seconds
        self._on_free = on_free
        self._prepared: set[str] = set()
        self._shapes: dict[str, Shape] = {}
        self._loop = asyncio.get_running_loop()
        self._socket = -1
        self._keep_until = 0.0
        self._call: Call | None = None
        self._preparing = False
        self._result: PGresult | None = None
        self._deadline = 0.0
        self._looking: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether it is connected, has nothing to wait for, and need not go back to the pool."""
        return self._call is None and self._libpq.status == pq.ConnStatus.OK and time.monotonic() < self._keep_until

    def watch(self) -> None:
        """Be told by the event loop of what comes in, until :meth:`leave`."""
        self._socket = self._libpq.socket
        self._loop.add_reader(self._socket, self._receive)
        self._keep_until = time.monotonic() + KEEP_SECONDS

    def leave(self) -> None:
        """Let the pool, or whoever comes next, wait for the socket."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1

    def run(self, call: Call) -> None:
        """Begin with a statement. Its caller hears of everything, errors included, by ``call.answered``."""
        self._call = call
        self._deadline = self._loop.time() + self._patience_seconds
        self._looking = self._loop.call_later(min(LOOK_SECONDS, self._patience_seconds), self._look)
        try:
            call.values = [encoded(call.parameters[each], self._encoding) for each in call.statement.parameters]
            self._send(call)
        except Exception as exc:  # noqa: BLE001 - whoever waits has to hear of it
            self._end(call, exc)
            return
        self._receive()  # a server that went while nobody watched has left its end here

    def _send(self, call: Call) -> None:
        self._result = None
        self._preparing = self._prepare and call.name not in self._prepared
        if self._preparing:
            self._libpq.send_prepare(call.name.encode(), call.statement.text)
        elif self._prepare:
            self._libpq.send_query_prepared(call.name.encode(), call.values, result_format=pq.Format.BINARY)
        else:
            self._libpq.send_query_params(call.statement.text, call.values, result_format=pq.Format.BINARY)
        if self._libpq.flush():  # longer than the socket's buffer
            self._loop.add_writer(self._socket, self._flush)

    def _flush(self) -> None:
        try:
            if self._libpq.flush() == 0:
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as exc:
            self._break(exc)

    def _receive(self) -> None:
        try:
            self._libpq.consume_input()
            while self._call is not None and not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    self._complete(self._call)
                    return
                self._result = result
        except psycopg.OperationalError as exc:
            self._break(exc)

    def _complete(self, call: Call) -> None:
        """All that comes back to what was sent is here."""
        try:
            row = self._row(call)
        except psycopg.errors.InvalidSqlStatementName as exc:  # somebody has deallocated it
            if call.prepared_anew:
                self._end(call, exc)
                return
            call.prepared_anew = True
            self._prepared.discard(call.name)
            row = None
        except Exception as exc:  # noqa: BLE001 - whoever waits has to hear of it
            self._end(call, exc)
            return
        if row is None:
            self._send(call)
            return
        if not call.answered.done():
            call.answered.set_result(row)
        self._end(call)

    def _row(self, call: Call) -> Row | None:
        """The first row; None where the statement was only prepared."""
        result = self._result
        if result is None:
            raise psycopg.OperationalError("the server closed the connection")
        if self._libpq.status != pq.ConnStatus.OK and not result.error_field(pq.DiagnosticField.SQLSTATE):
            raise psycopg.OperationalError(result.get_error_message(self._encoding))
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(result, encoding=self._encoding)
        if self._preparing:
            self._prepared.add(call.name)
            return None
        shape = self._shapes.get(call.name)
        if shape is None:
            shape = self._shapes[call.name] = Shape.of(result, self._encoding)
        return shape.row(result)

    def _look(self) -> None:
        """Look whether the event loop has missed an answer or the end of the connection; hang up when it is too late.

        An answer that came while the event loop was busy elsewhere is found first, however late that is.
        """
        call = self._call
        self._receive()
        if call is None or self._call is not call:
            return
        left = self._deadline - self._loop.time()
        if left > 0:
            self._looking = self._loop.call_later(min(LOOK_SECONDS, left), self._look)
            return
        # Cancelling the statement would ask that same server, and wait for it.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._socket)) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        self._keep_until = 0.0
        self._end(call, NoAnswerError())

    def _break(self, why: psycopg.OperationalError) -> None:
        self.leave()
        self._keep_until = 0.0
        if self._call is not None:
            self._end(self._call, why)

    def _end(self, call: Call, why: BaseException | None = None) -> None:
        if why is not None:
            call.fail(why)
        if self._looking is not None:
            self._looking.cancel()
        self._call = self._result = self._looking = None
        self._on_free(self)
