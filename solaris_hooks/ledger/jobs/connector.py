"""The job library's way to PostgreSQL: in its own schema, and behind a pooler by transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from procrastinate import PsycopgConnector
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow


class JobConnector(PsycopgConnector):
    """Runs each of the library's statements in a transaction that looks for its names in its schema.

    The library names its tables and functions without a schema. A search path that is set once for the connection
    would, behind a pooler by transaction, stay with a server's connection that others get next.
    """

    @asynccontextmanager
    async def _get_cursor(
        self, connection: AsyncConnection[Any] | None = None
    ) -> AsyncGenerator[AsyncCursor[DictRow], None]:
        async with super()._get_cursor(connection) as cursor, cursor.connection.transaction():
            await cursor.execute("SET LOCAL search_path TO solaris_jobs")
            yield cursor
