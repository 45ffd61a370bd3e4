"""Both ledgers under one name, each empty at the start of a test and verified at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger

from .world import Clock, World, past_triggers


@pytest.fixture(scope="session")
def ledger_url(postgres: EmbeddedPostgres) -> str:
    """A database of this folder's own, with the schema in it. Tests empty it instead of making another."""
    url = fresh_database(postgres)
    migrate(url)
    return url


@pytest.fixture(scope="session")
def superuser_url(postgres: EmbeddedPostgres, ledger_url: str) -> str:
    """The same database for one whom no trigger stops."""
    return postgres.superuser_url(str(conninfo_to_dict(ledger_url)["dbname"]))


def empty(superuser_url: str) -> None:
    """Forget everything but the default plan."""
    with past_triggers(superuser_url) as connection:
        for table in (
            "accounts",
            "holds",
            "entries",
            "entry_texts",
            "credit_lots",
            "credit_requests",
            "campaigns",
            "usage",
            "usage_daily",
            "units_daily",
            "answer_lengths",
            "events",
            "audit",
            "end_users",
            "members",
            "member_daily",
            "deliveries",
            "refusals",
            "refusals_daily",
            "account_summaries",
            "account_counts",
            "usage_hourly",
            "usage_of_plans",
            "usage_of_teams",
            "teams",
            "used_models",
            "top_accounts",
            "batches",
            "batch_items",
        ):
            connection.execute(sql.SQL("DELETE FROM solaris.{}").format(sql.Identifier(table)))
        # Clocks of tests are behind the database's, which has set the moment up to which the first round goes.
        connection.execute(
            "UPDATE solaris.rollup SET rolled_until = NULL, waiting_until = '2000-01-01Z', skipped = '{}'"
        )
        connection.execute("DELETE FROM solaris.plans WHERE plan_id <> 'default'")
        connection.execute(
            "UPDATE solaris.plans SET monthly_tokens = 1000000, thresholds = '{80,95,100}', allowed_models = NULL, "
            "max_in_flight = NULL, overdraft = 0, time_zone = NULL, anchor_day = NULL, weights = NULL, notices = true, "
            "trial_days = NULL, trial_then = NULL"
        )


@pytest.fixture
def clock() -> Clock:
    """The clock of the ledger under test."""
    return Clock()


@pytest.fixture
async def postgres_ledger(ledger_url: str, superuser_url: str, clock: Clock) -> AsyncIterator[PostgresLedger]:
    """PostgreSQL's ledger, empty."""
    empty(superuser_url)
    async with PostgresLedger.connect(ledger_url, now=clock) as ledger:
        yield ledger


@pytest.fixture(params=["memory", "postgres"])
async def world(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[World]:
    """Each ledger in turn; whatever a test does to it, its books must be in order at the end."""
    if request.param == "memory":
        made = World(MemoryLedger(now=clock), clock)
        yield made
    else:
        url: str = request.getfixturevalue("ledger_url")
        empty(request.getfixturevalue("superuser_url"))
        async with PostgresLedger.connect(url, now=clock) as ledger:
            made = World(ledger, clock)
            yield made
            assert (await ledger.verify()).flaws == ()
        return
    assert (await made.ledger.verify()).flaws == ()
