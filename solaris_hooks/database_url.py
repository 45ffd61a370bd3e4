"""From the DATABASE_URL that Prisma reads to one that libpq reads.

LiteLLM's DATABASE_URL carries parameters of Prisma's own (``schema``, ``connection_limit``,
``pgbouncer``, ...), which libpq refuses as unknown.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

PRISMA_ONLY = frozenset(
    {
        "schema",
        "connection_limit",
        "pool_timeout",
        "max_connection_lifetime",
        "max_idle_connection_lifetime",
        "pgbouncer",
        "socket_timeout",
        "statement_cache_size",
        "sslidentity",
        "sslpassword",
        "sslaccept",
        "single_use_connections",
    }
)
"""Connection URL parameters of Prisma's PostgreSQL connector that libpq does not know."""


class DatabaseUrlError(ValueError):
    """The URL is missing or cannot be read; the message says what to write, never the password."""


def libpq_url(url: str) -> str:
    """The same database for libpq.

    All that libpq knows stays as it is written: Python's functions write an URL without a host, as those of Unix
    sockets are, with one slash, and a space as ``+``; libpq reads neither.

    Raises:
        DatabaseUrlError: there is no URL, or it is not one of PostgreSQL.
    """
    if not url:
        raise DatabaseUrlError("is missing; set DATABASE_URL to postgresql://user:password@host:5432/database")
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise DatabaseUrlError("must begin with postgresql://")
    database, _, query = url.partition("?")
    known = [each for each in query.split("&") if each and unquote(each.partition("=")[0]) not in PRISMA_ONLY]
    plain = "?".join([database, "&".join(known)] if known else [database])
    try:
        conninfo_to_dict(plain)
    except ProgrammingError as exc:
        raise DatabaseUrlError(f"cannot be read by PostgreSQL: {str(exc).splitlines()[0]}") from None
    return plain
