"""Bring the ``solaris`` schema up to date: numbered SQL files, applied by yoyo.

Safe at every boot and from several proxies at once: one advisory lock of PostgreSQL
serialises them, and it goes with its connection, so that a process killed half-way
leaves nothing locked. Each file is one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations

from solaris_hooks.ledger.errors import translated
from solaris_hooks.quota.errors import LedgerError

_LOG = logging.getLogger(__name__)
_LOCK = 0x50_1A_21_50
"""Key of the advisory lock; any number that nobody else uses."""

MONTHS_AHEAD = 2
"""Partitions of usage are made for this many months after the present one."""


def migrate(conninfo: str) -> list[str]:
    """Apply what is missing.

    Args:
        conninfo: PostgreSQL connection string or URL of libpq's form.

    Returns:
        Names of the migrations that were applied, oldest first.

    Raises:
        LedgerUnavailableError: PostgreSQL cannot be reached.
        LedgerError: a migration failed; the books are as before it.
    """
    with translated(), _serialised(conninfo) as connection:
        with _backend(conninfo) as backend:
            pending = backend.to_apply(_migrations())
            applied = [migration.id for migration in pending]
            if applied:
                _apply(backend, pending)
        connection.execute("SELECT solaris.make_usage_partitions_v1(%s, NULL)", (MONTHS_AHEAD,))
    for name in applied:
        _LOG.info("applied migration %s to schema solaris", name)
    return applied


def pending(conninfo: str) -> list[str]:
    """Names of the migrations that `solaris migrate` would apply now.

    Raises:
        LedgerUnavailableError: PostgreSQL cannot be reached.
    """
    with translated():
        with psycopg.connect(conninfo, autocommit=True) as connection:
            row = connection.execute("SELECT to_regclass('solaris._yoyo_migration')").fetchone()
        if row is None or row[0] is None:
            return [migration.id for migration in _migrations()]
        with _backend(conninfo) as backend:
            return [migration.id for migration in backend.to_apply(_migrations())]


def _apply(backend: Any, pending: Any) -> None:
    try:
        backend.apply_migrations(pending)
    except psycopg.Error as exc:
        text = exc.diag.message_primary or str(exc)
        raise LedgerError(f"A migration of schema solaris failed, the books are as before it: {text}") from exc


@contextmanager
def _serialised(conninfo: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        connection.execute("CREATE SCHEMA IF NOT EXISTS solaris")
        yield connection


@contextmanager
def _backend(conninfo: str) -> Iterator[Any]:
    backend = get_backend(_yoyo_url(conninfo))
    try:
        yield backend
    finally:
        backend.connection.close()


def _migrations() -> Any:
    with resources.as_file(resources.files("solaris_hooks.ledger").joinpath("sql/migrations")) as folder:
        return read_migrations(str(folder))


def _yoyo_url(conninfo: str) -> str:
    """Yoyo's own URL form: it takes libpq's parameters as a query, and the schema for its tables."""
    parameters = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}
    user, password = quote(parameters.pop("user", ""), safe=""), quote(parameters.pop("password", ""), safe="")
    host, port = parameters.pop("host", ""), parameters.pop("port", "")
    database = quote(parameters.pop("dbname", ""), safe="")
    if host.startswith("/"):
        parameters["host"] = host
        host = ""
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in {**parameters, "schema": "solaris"}.items())
    login = f"{user}:{password}@" if password else (f"{user}@" if user else "")
    return f"postgresql+psycopg://{login}{host}{':' + port if port else ''}/{database}?{query}"
