"""LiteLLM's own record of calls, its table ``LiteLLM_SpendLogs``: the one place that reads it.

The hooks put the hold id into each call's metadata, and LiteLLM copies it into the call's row. Calls
that failed have no such mark. LiteLLM stamps rows with the proxy's clock, in UTC without a zone, and
writes them in batches, some seconds after the call.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg import errors as pg
from psycopg.rows import DictRow, dict_row

from solaris_hooks.ledger.errors import translated
from solaris_hooks.ledger.queries import statements
from solaris_hooks.ledger.records import Hold
from solaris_hooks.ledger.rows import logged_use
from solaris_hooks.ledger.sweep import LoggedUse
from solaris_hooks.quota.errors import SchemaError
from solaris_hooks.quota.ids import HoldId

CLOCK_TOLERANCE = dt.timedelta(minutes=5)
"""LiteLLM stamps its logs with the proxy's clock, holds have the database's."""

_CONNECT_SECONDS = 5

_MISSING = (
    "There is no table LiteLLM_SpendLogs where LiteLLM's logs should be; "
    "set litellm_database_url to LiteLLM's database."
)


class LiteLLMSpendLogs:
    """Reads LiteLLM's logs, in the database of the books or in another; connects for each question anew."""

    def __init__(self, conninfo: str) -> None:
        """Keep the address; connect to nothing yet.

        Args:
            conninfo: LiteLLM's PostgreSQL, as a connection string or URL of libpq's form.
        """
        self._conninfo = conninfo

    async def used_by(self, holds: Sequence[Hold]) -> Mapping[HoldId, LoggedUse]:
        """What is logged of some holds; see :class:`~solaris_hooks.ledger.sweep.SpendLogs`.

        Raises:
            LedgerUnavailableError: LiteLLM's database cannot be reached.
        """
        parameters = {
            "hold_ids": [hold.hold_id for hold in holds],
            "since": min(hold.held_at for hold in holds) - CLOCK_TOLERANCE,
            "until": max(hold.lease_until for hold in holds) + CLOCK_TOLERANCE,
        }
        with translated():
            async with self._connected() as connection:
                try:
                    cursor = await connection.execute(statements()["spend_logs"].encode(), parameters)
                except pg.UndefinedTable:  # an operator who keeps no LiteLLM tables has no logs
                    return {}
                found: dict[HoldId, LoggedUse] = {}
                async for row in cursor:
                    use = logged_use(row) if row["succeeded"] else None
                    if use is not None:
                        found[HoldId(row["hold_id"])] = use
        return found

    async def copied(self, *, since: dt.datetime, until: dt.datetime) -> AsyncIterator[bytes]:
        """The calls that began within a time, in pieces of the text that PostgreSQL's COPY takes.

        Their columns are those of the statement ``spend_logs``.

        Raises:
            SchemaError: LiteLLM's table is not there.
            LedgerUnavailableError: LiteLLM's database cannot be reached.
        """
        query = f"COPY ({statements()['spend_logs']}) TO STDOUT".encode()
        parameters = {"hold_ids": None, "since": since, "until": until}
        with translated():
            async with self._connected() as connection, connection.cursor() as cursor:
                try:
                    async with cursor.copy(query, parameters) as pieces:
                        async for piece in pieces:
                            yield bytes(piece)
                except pg.UndefinedTable as exc:
                    raise SchemaError(_MISSING) from exc

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=_CONNECT_SECONDS,
            prepare_threshold=None,
        )
        async with connection:
            yield connection
