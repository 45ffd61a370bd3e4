"""Named statements on a pool of connections: each is one round trip and one transaction."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext

from psycopg import AsyncConnection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from solaris_hooks.ledger import errors
from solaris_hooks.ledger.patience import NETWORK, NoAnswerError, hung_up
from solaris_hooks.ledger.queries import positional, statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.ledger.wires import Wires
from solaris_hooks.quota.errors import LedgerBusyError, LedgerUnavailableError, SolarisError

_LOG = logging.getLogger(__name__)

PREPARE_AFTER = 2
"""Executions of a statement on a connection after which PostgreSQL keeps its plan."""

OF_REQUESTS = frozenset({"hold", "extend", "settle", "release"})
"""What every request runs: each returns one row of plain types, see :mod:`solaris_hooks.ledger.wires`."""

_ALSO_QUICK = frozenset(
    {"account_of_end_user", "team_known", "renew_leases", "ping", "refusal_holders", "write_refusals"}
)
"""What tells whether PostgreSQL is there must not wait for it longer than requests do; nor what notes refusals."""


class Statements:
    """Runs the statements of ``sql/queries.sql`` by name; errors come out as ours.

    The pool opens at the first statement, in the event loop that asks: a process may be forked
    after this object was made.
    """

    def __init__(self, conninfo: str, *, pool_max_size: int, pool_timeout_seconds: float, prepare: bool) -> None:
        """Keep the settings; connect to nothing yet. Arguments as of ``PostgresLedger``."""
        given = conninfo_to_dict(conninfo)
        self._patience = pool_timeout_seconds
        self._attempts = pool_max_size + 1
        self._pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
            conninfo,
            connection_class=AsyncConnection[DictRow],
            kwargs={
                **{name: value for name, value in NETWORK.items() if name not in given},
                "autocommit": True,
                "row_factory": dict_row,
                "prepare_threshold": PREPARE_AFTER if prepare else None,
            },
            min_size=1,
            max_size=pool_max_size,
            timeout=pool_timeout_seconds,
            reconnect_timeout=pool_timeout_seconds,
            name="solaris-ledger",
            open=False,
        )
        self._texts = {name: text.encode() for name, text in statements().items()}
        self._of_requests = {name: positional(statements()[name]) for name in OF_REQUESTS}
        # One connection at the least is left to all other statements.
        self._wires = Wires(self._pool, keep=pool_max_size - 1, prepare=prepare, patience_seconds=self._patience)

    async def close(self) -> None:
        """Close all connections."""
        await self._wires.close()
        await self._pool.close()

    def text(self, name: str) -> bytes:
        """The SQL of a statement."""
        return self._texts[name]

    async def one(self, name: str, parameters: Mapping[str, object]) -> Row:
        """The only row of a statement that always has one."""
        found = await self.all(name, parameters)
        return found[0]

    async def all(self, name: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        """Rows of a statement; it is run again if its connection broke or PostgreSQL asks to try again.

        A server that restarted has left broken connections behind: as many tries as the pool can hold.
        Every statement may be run twice: holds, settlements and grants are idempotent by their ids.

        Raises:
            SolarisError: what went wrong, in our words.
        """
        for attempt in range(self._attempts):
            try:
                return await self._execute(name, parameters)
            except SolarisError as exc:
                cause = exc.__cause__
                final = isinstance(exc, NoAnswerError) or isinstance(cause, errors.GAVE_UP)
                if final or not isinstance(cause, errors.BROKEN) or attempt + 1 == self._attempts:
                    raise
                _LOG.info("ledger statement %s is tried again: %s", name, cause)
        raise AssertionError  # the last attempt has returned or raised

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection that sees the books as of one moment, while traffic goes on.

        Raises:
            SolarisError: what went wrong, in our words.
        """
        with errors.translated():
            await self._open()
            async with self._wires.lent() as connection:
                await connection.set_autocommit(False)
                await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
                try:
                    yield connection
                finally:
                    await connection.rollback()
                    await connection.set_isolation_level(None)
                    await connection.set_autocommit(True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection for several statements that happen together or not at all.

        Raises:
            SolarisError: what went wrong, in our words.
        """
        with errors.translated():
            await self._open()
            async with self._wires.lent() as connection, connection.transaction():
                yield connection

    async def _execute(self, name: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        with errors.translated():
            await self._open()
            failed_before = self._failed_connections()
            try:
                if name in self._of_requests:
                    return [await self._wires.row(name, self._of_requests[name], parameters)]
                async with self._wires.lent() as connection:
                    quick = name in _ALSO_QUICK
                    with hung_up(connection, after_seconds=self._patience) if quick else nullcontext():
                        cursor = await connection.execute(self._texts[name], parameters)
                        return await cursor.fetchall()
            except PoolTimeout as exc:
                if self._failed_connections() > failed_before:
                    raise LedgerUnavailableError from exc
                raise LedgerBusyError from exc

    def _failed_connections(self) -> int:
        return int(self._pool.get_stats().get("connections_errors", 0))

    async def _open(self) -> None:
        if self._pool.closed:
            await self._pool.open()
