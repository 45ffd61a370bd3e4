"""Yoyo's side of PostgreSQL, kept within transactions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.migrations import default_migration_table


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """Keeps yoyo's own tables in schema solaris, by a search path that ends with each transaction.

    Yoyo sets it once for the connection. Behind a pooler by transaction it would stay with whichever server's
    connection ran that statement: missing for us, and in the way of others.
    """

    @classmethod
    def open(cls, conninfo: str) -> Backend:
        """Connect, and make yoyo's tables where they are missing."""
        backend = cls(parse_uri(_yoyo_url(conninfo)), default_migration_table)
        backend.init_database()
        return backend

    def init_connection(self, connection: psycopg.Connection[Any]) -> None:
        """Prepare nothing on the server."""
        connection.prepare_threshold = None

    def begin(self) -> None:
        """Begin a transaction, in the schema."""
        super().begin()
        super().execute("SET LOCAL search_path TO solaris")

    def execute(self, sql: str, params: Any = None) -> Any:
        """Run a statement; one on its own becomes a transaction."""
        if self._in_transaction:
            return super().execute(sql, params)
        with self.transaction():
            return super().execute(sql, params)


def _yoyo_url(conninfo: str) -> str:
    """Yoyo's own URL form, which takes libpq's parameters as a query."""
    parameters = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}
    user, password = quote(parameters.pop("user", ""), safe=""), quote(parameters.pop("password", ""), safe="")
    host, port = parameters.pop("host", ""), parameters.pop("port", "")
    database = quote(parameters.pop("dbname", ""), safe="")
    if host.startswith("/"):
        parameters["host"] = host
        host = ""
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
    login = f"{user}:{password}@" if password else (f"{user}@" if user else "")
    return f"postgresql+psycopg://{login}{host}{':' + port if port else ''}/{database}{'?' + query if query else ''}"
