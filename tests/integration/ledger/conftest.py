"""Both ledgers under one name, each empty at the start of a test and verified at its end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from psycopg.conninfo import make_conninfo

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger

from .world import Clock, World


@pytest.fixture(scope="session")
def ledger_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this session's own, with the schema in it."""
    server = os.environ.get("SOLARIS_TEST_DATABASE_URL") or request.getfixturevalue("postgres_url")
    name = f"solaris_ledger_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = make_conninfo(server, dbname=name)
    migrate(url)
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def empty(url: str) -> None:
    """Forget everything but the default plan. Only a superuser past the triggers can."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in ("accounts", "holds", "entries", "credit_lots", "usage", "usage_daily"):
            connection.execute(sql.SQL("DELETE FROM solaris.{}").format(sql.Identifier(table)))
        connection.execute("DELETE FROM solaris.plans WHERE plan_id <> 'default'")
        connection.execute("UPDATE solaris.plans SET monthly_tokens = 1000000, thresholds = '{80,95,100}'")


@pytest.fixture
def clock() -> Clock:
    """The clock of the ledger under test."""
    return Clock()


@pytest_asyncio.fixture
async def postgres(ledger_url: str, clock: Clock) -> AsyncIterator[PostgresLedger]:
    """PostgreSQL's ledger, empty."""
    empty(ledger_url)
    async with PostgresLedger.connect(ledger_url, now=clock) as ledger:
        yield ledger


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[World]:
    """Each ledger in turn; whatever a test does to it, its books must be in order at the end."""
    if request.param == "memory":
        made = World(MemoryLedger(now=clock), clock)
        yield made
    else:
        url: str = request.getfixturevalue("ledger_url")
        empty(url)
        async with PostgresLedger.connect(url, now=clock) as ledger:
            made = World(ledger, clock)
            yield made
            assert (await ledger.verify()).flaws == ()
        return
    assert (await made.ledger.verify()).flaws == ()
