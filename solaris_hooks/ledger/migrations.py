"""Bring the ``solaris`` schema up to date: numbered SQL files, applied by yoyo; then the job library's own schema.

Safe at every boot and from several proxies at once: one advisory lock of PostgreSQL
serialises them, and it goes with its transaction, so that a process killed half-way
leaves nothing locked. Each file is one transaction.

Nothing here outlives a transaction on the server's side (no lock, no setting, no prepared statement):
behind a pooler by transaction, the next statement may run on another connection, and this one serve others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any
from uuid import UUID

import psycopg
from yoyo import read_migrations

from solaris_hooks.ledger.errors import translated
from solaris_hooks.ledger.jobs import schema as job_schema
from solaris_hooks.ledger.migration_backend import Backend
from solaris_hooks.quota.errors import LedgerError, SchemaError

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
        applied += _of_jobs(connection)
        connection.execute("SELECT solaris.make_usage_partitions_v1(%s, NULL)", (MONTHS_AHEAD,))
    for name in applied:
        _LOG.info("applied migration %s", name)
    return applied


def pending(conninfo: str) -> list[str]:
    """Names of the migrations that `solaris migrate` would apply now.

    Raises:
        LedgerUnavailableError: PostgreSQL cannot be reached.
    """
    with translated():
        with _connection(conninfo) as connection:
            row = connection.execute("SELECT to_regclass('solaris._yoyo_migration')").fetchone()
            of_jobs = job_schema.missing(connection)
        if row is None or row[0] is None:
            return [migration.id for migration in _migrations()] + of_jobs
        with _backend(conninfo) as backend:
            return [migration.id for migration in backend.to_apply(_migrations())] + of_jobs


def _apply(backend: Any, pending: Any) -> None:
    try:
        backend.apply_migrations(pending)
    except psycopg.Error as exc:
        text = exc.diag.message_primary or str(exc)
        raise LedgerError(f"A migration of schema solaris failed, the books are as before it: {text}") from exc


def _of_jobs(connection: psycopg.Connection) -> list[str]:
    try:
        return job_schema.bring_up_to_date(connection)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as exc:
        text = exc.diag.message_primary or str(exc)
        raise LedgerError(f"A migration of schema solaris_jobs failed, which is as before it: {text}") from exc


def books_id(conninfo: str) -> UUID:
    """Which books these are; the same after a restore, and never that of others.

    Raises:
        LedgerUnavailableError: PostgreSQL cannot be reached.
        SchemaError: the schema is older than this package; run ``migrate`` first.
    """
    with translated(), _connection(conninfo) as connection:
        row = connection.execute("SELECT books_id FROM solaris.books").fetchone()
    if row is None:
        raise SchemaError
    return UUID(str(row[0]))


def _connection(conninfo: str) -> psycopg.Connection:
    return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)


@contextmanager
def _serialised(conninfo: str) -> Iterator[psycopg.Connection]:
    with _connection(conninfo) as lock, lock.transaction():
        lock.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        with _connection(conninfo) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS solaris")
            yield connection


@contextmanager
def _backend(conninfo: str) -> Iterator[Backend]:
    backend = Backend.open(conninfo)
    try:
        yield backend
    finally:
        backend.connection.close()


def _migrations() -> Any:
    with resources.as_file(resources.files("solaris_hooks.ledger").joinpath("sql/migrations")) as folder:
        return read_migrations(str(folder))
