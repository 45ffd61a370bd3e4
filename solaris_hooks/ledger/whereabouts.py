"""Where the database should be, as people may read it."""

from __future__ import annotations

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

_PORT = 5432


def server_of(conninfo: str) -> str:
    """Host, port and name of a database, without user and password; "" where the connection string cannot be read."""
    try:
        parts = conninfo_to_dict(conninfo)
    except ProgrammingError:
        return ""
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    return f"{host}:{parts.get('port') or _PORT}/{parts.get('dbname') or ''}"
