"""A PostgreSQL server of the user's own: can it be used, and if not, what is to be done."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg

from .errors import LocalError

CONNECT_SECONDS = 10
OLDEST_MAJOR = 14
_WRONG_PASSWORD = ("28P01", "28000")
_NO_DATABASE = "3D000"
# What libpq does not know and Prisma does.
_PRISMA_ONLY = frozenset(
    {
        "connection_limit",
        "pool_timeout",
        "socket_timeout",
        "schema",
        "pgbouncer",
        "statement_cache_size",
        "sslaccept",
        "sslidentity",
        "single_use_connections",
        "max_connection_lifetime",
        "max_idle_connection_lifetime",
    }
)


def libpq_url(url: str) -> str:
    """Return a Prisma connection URL without what only Prisma understands."""
    database, _, query = url.partition("?")
    kept = [each for each in query.split("&") if each and unquote(each.partition("=")[0]) not in _PRISMA_ONLY]
    return "?".join([database, "&".join(kept)] if kept else [database])


def without_password(url: str) -> str:
    """Return a URL fit for a screen or a log."""
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    if not user:
        return url
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{parts.netloc.rpartition('@')[2]}"))


def require_usable(url: str) -> None:
    """Connect once and check what the proxy will need.

    Raises:
        LocalError: the server does not answer, refuses, is too old, or lets the user create nothing.

    """
    shown = without_password(url)
    try:
        connection = psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS)
    except psycopg.Error as error:
        raise _refusal(url, shown, error) from error
    with connection:
        version = connection.info.server_version // 10000
        user, database = connection.info.user, connection.info.dbname
        row = connection.execute("SELECT has_database_privilege(current_database(), 'CREATE')").fetchone()
    if version < OLDEST_MAJOR:
        raise LocalError(f"{shown} is PostgreSQL {version}", f"use PostgreSQL {OLDEST_MAJOR} or newer")
    if row is None or not row[0]:
        raise LocalError(
            f"the user of {shown} may not create schemas there",
            f"run GRANT CREATE ON DATABASE {database} TO {user} as its owner",
        )


def _refusal(url: str, shown: str, error: psycopg.Error) -> LocalError:
    parts = urlsplit(url)
    database = unquote(parts.path.lstrip("/"))
    said = str(error)
    # A refusal while connecting carries no code in `sqlstate`, only its text.
    if error.sqlstate in _WRONG_PASSWORD or "authentication failed" in said or "no password supplied" in said:
        return LocalError(f"PostgreSQL refused the user or password of {shown}", "correct them in DATABASE_URL")
    if error.sqlstate == _NO_DATABASE or (f'database "{database}" does not exist' in said):
        return LocalError(
            f"the database {database!r} does not exist on {parts.hostname}",
            f"create it (createdb {database}) or correct DATABASE_URL",
        )
    if isinstance(error, psycopg.ProgrammingError):
        return LocalError(
            f"DATABASE_URL cannot be read ({_first_line(said)})", "write postgresql://user:password@host:5432/database"
        )
    return LocalError(
        f"PostgreSQL cannot be reached at {shown} ({_first_line(said)})",
        "start it or correct DATABASE_URL; without DATABASE_URL an embedded server is used",
    )


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200] if text.strip() else "no reason given"
