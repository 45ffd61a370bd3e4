"""The job library's schema: made whole, and brought up to date from an older version of the library."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.jobs.schema import _shipped, bring_up_to_date, missing

LIBRARY = metadata.version("procrastinate")


@pytest.fixture
def connection(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(fresh_database(postgres), autocommit=True) as opened:
        yield opened


def described(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Functions with their bodies, columns, indexes and triggers of the schema."""
    return connection.execute("""
        SELECT 'function', oid::regprocedure::text, regexp_replace(prosrc, '\\s+', ' ', 'g') FROM pg_proc
        WHERE pronamespace = 'solaris_jobs'::regnamespace
        UNION ALL SELECT 'column', table_name || '.' || column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'solaris_jobs'
        UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'solaris_jobs'
        UNION ALL SELECT 'trigger', trigger_name, action_statement FROM information_schema.triggers
        WHERE trigger_schema = 'solaris_jobs'
        ORDER BY 1, 2, 3
    """).fetchall()


def test_a_new_schema_is_whole(connection: psycopg.Connection) -> None:
    before = missing(connection)
    assert bring_up_to_date(connection) == before
    assert before[-1].startswith("procrastinate 03.")
    assert (missing(connection), bring_up_to_date(connection)) == ([], [])
    astray = connection.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchone()
    assert astray == (0,)


def test_an_upgraded_schema_is_like_a_new_one(connection: psycopg.Connection, postgres: EmbeddedPostgres) -> None:
    connection.execute("CREATE SCHEMA solaris_jobs")
    connection.execute(
        "CREATE TABLE solaris_jobs.applied_migrations "
        "(name text PRIMARY KEY, library text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    with connection.transaction():
        connection.execute("SET LOCAL search_path TO solaris_jobs")
        for name, text in sorted(_shipped().items()):
            if name < "03.03":
                connection.execute(text.encode())
                connection.execute("INSERT INTO applied_migrations (name, library) VALUES (%s, '3.2.0')", (name,))
    applied = bring_up_to_date(connection)
    assert [name.split()[1][:14] for name in applied] == ["03.03.00_01_pr", "03.04.00_01_pr"]
    # The next version of the library takes away what this one's predecessor still used.
    connection.execute("UPDATE solaris_jobs.applied_migrations SET library = '3.9.0' WHERE library = %s", (LIBRARY,))
    assert [name.split()[1][:14] for name in bring_up_to_date(connection)] == ["03.04.00_50_po"]
    with psycopg.connect(fresh_database(postgres), autocommit=True) as new:
        bring_up_to_date(new)
        assert described(connection) == described(new)
