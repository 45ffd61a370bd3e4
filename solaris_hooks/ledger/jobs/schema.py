"""The job library's tables, in a schema of their own, brought up to date with the ledger's.

Procrastinate ships its whole schema as one file for new databases, and numbered migrations for those that
are there. It does not keep which ones were applied, so we do. Its numbers from 50 on (``post``) take away what the
library's previous version still uses; they come last of their version, and wait until the version after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import metadata, resources

import psycopg

SCHEMA = "solaris_jobs"
LIBRARY = "procrastinate"
_POST = 50
_NAME = re.compile(r"\d\d\.\d\d\.\d\d_(?P<number>\d\d)_\w+\.sql")


def due(shipped: Sequence[str], applied: Mapping[str, str], library: str) -> list[str]:
    """Which of the library's migrations are to be applied now, in order.

    Args:
        shipped: names of all that the installed library has.
        applied: the library's version by which each was applied.
        library: the installed version.
    """
    missing = [name for name in sorted(shipped) if name not in applied]
    newest = applied[max(applied)] if applied else library
    if any(not _is_post(name) for name in missing) or newest == library:
        while missing and _is_post(missing[-1]):
            missing.pop()
    return missing


def missing(connection: psycopg.Connection) -> list[str]:
    """Names of the library's migrations that :func:`bring_up_to_date` would apply; of all where there is no schema."""
    row = connection.execute("SELECT to_regclass('solaris_jobs.applied_migrations')").fetchone()
    if row is None or row[0] is None:
        return [_reported(name) for name in sorted(_shipped())]
    return [_reported(name) for name in due(list(_shipped()), _applied(connection), _library())]


def bring_up_to_date(connection: psycopg.Connection) -> list[str]:
    """Make the job library's schema, or apply what it lacks, in one transaction.

    Args:
        connection: in autocommit mode; whoever calls sees to it that nobody else does the same meanwhile.

    Returns:
        Names of what was applied, oldest first.
    """
    shipped, library = _shipped(), _library()
    with connection.transaction():
        connection.execute("CREATE SCHEMA IF NOT EXISTS solaris_jobs")
        connection.execute("SET LOCAL search_path TO solaris_jobs")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS applied_migrations (name text PRIMARY KEY, library text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = _applied(connection)
        if applied:
            names = due(list(shipped), applied, library)
            for name in names:
                connection.execute(shipped[name].encode())
        else:
            names = sorted(shipped)
            connection.execute(resources.files("procrastinate.sql").joinpath("schema.sql").read_bytes())
        for name in names:
            connection.execute("INSERT INTO applied_migrations (name, library) VALUES (%s, %s)", (name, library))
    return [_reported(name) for name in names]


def _is_post(name: str) -> bool:
    found = _NAME.fullmatch(name)
    return found is not None and int(found["number"]) >= _POST


def _reported(name: str) -> str:
    return f"{LIBRARY} {name.removesuffix('.sql')}"


def _shipped() -> dict[str, str]:
    folder = resources.files("procrastinate.sql").joinpath("migrations")
    return {each.name: each.read_text("utf-8") for each in folder.iterdir() if _NAME.fullmatch(each.name)}


def _applied(connection: psycopg.Connection) -> dict[str, str]:
    found = connection.execute("SELECT name, library FROM solaris_jobs.applied_migrations").fetchall()
    return {str(name): str(library) for name, library in found}


def _library() -> str:
    return metadata.version(LIBRARY)
