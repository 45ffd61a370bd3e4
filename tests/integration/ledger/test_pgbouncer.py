"""The ledger behind PgBouncer in transaction mode: the next statement may run on another connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from procrastinate import App
from procrastinate.jobs import Status
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.jobs import JobConnector, put_deliveries
from solaris_hooks.ledger.migrations import books_id, migrate, pending
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import HoldOutcome, HoldRequest, Plan, Settlement
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.pgbouncer import SERVERS, Bouncer, knows_prepared_statements, pgbouncer

ANA = AccountId("user:ana")


@pytest.fixture(scope="module", params=["prepared", "unprepared"])
def bouncer(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bouncer]:
    prepares = request.param == "prepared"
    if prepares and not knows_prepared_statements():
        pytest.skip("this pgbouncer is older than 1.21: prepared_statements must be false behind it")
    with pgbouncer(fresh_database(postgres), tmp_path_factory.mktemp("pgbouncer"), prepares=prepares) as running:
        yield running


@pytest.fixture(scope="module")
def migrated(bouncer: Bouncer) -> Bouncer:
    migrate(bouncer.url)
    return bouncer


@pytest.fixture
async def ledger(migrated: Bouncer) -> AsyncIterator[PostgresLedger]:
    async with PostgresLedger.connect(migrated.url, pool_max_size=20, prepare=migrated.prepares) as opened:
        yield opened


def test_migrations_leave_nothing_behind_on_connections_that_others_will_get(bouncer: Bouncer) -> None:
    """Neither a lock nor a search path; and yoyo's tables are where they belong."""
    migrate(bouncer.url)
    assert migrate(bouncer.url) == []
    assert pending(bouncer.url) == []
    assert books_id(bouncer.url) == books_id(bouncer.direct)
    with psycopg.connect(bouncer.direct, autocommit=True) as connection:
        locks = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
        assert locks == (0,)
        astray = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert astray == (0,)
    with contextlib.ExitStack() as stack:
        # As many at once as there are connections: each must look as a new one does.
        for _ in range(SERVERS):
            client = stack.enter_context(psycopg.connect(bouncer.url))
            assert client.execute("SHOW search_path").fetchone() == ('"$user", public',)


async def test_several_migrate_at_once(bouncer: Bouncer) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(asyncio.to_thread(migrate, bouncer.url) for _ in range(3)))


async def test_no_account_spends_more_than_it_was_granted_under_concurrency(ledger: PostgresLedger) -> None:
    await ledger.put_plan(Plan("default", 5000), actor="test")

    async def request() -> HoldOutcome:
        hold_id = new_hold_id()
        held = await ledger.hold(HoldRequest(ANA, hold_id, "m", 100, 100, 10, 60))
        if held.outcome is HoldOutcome.HELD:
            await asyncio.sleep(0.01)
            await ledger.settle(Settlement(ANA, hold_id, "m", 100, Usage(100, 0), UsageSource.PROVIDER))
        return held.outcome

    outcomes = [await each for each in asyncio.as_completed([request() for _ in range(200)])]
    account = await ledger.account(ANA)
    assert account is not None
    assert outcomes.count(HoldOutcome.HELD) == 50
    assert (account.balance.used, account.balance.held, account.balance.overage) == (5000, 0, 0)
    assert (await ledger.verify()).ok


async def test_whatever_the_ledger_does_it_does_behind_it_too(ledger: PostgresLedger) -> None:
    bia = AccountId("user:bia")
    released, expired = new_hold_id(), new_hold_id()
    await ledger.hold(HoldRequest(bia, released, "m", 10, 10, 1, 60))
    assert await ledger.renew_leases([(bia, released)], lease_seconds=90) == 1
    assert await ledger.release(bia, released)
    await ledger.hold(HoldRequest(bia, expired, "m", 10, 10, 1, 0))
    assert [hold.hold_id for hold in await ledger.claim_expired(limit=10, claim_seconds=60)] == [expired]
    assert await ledger.make_usage_partitions(months=2) == 0
    assert [plan.plan_id for plan in await ledger.plans()] == ["default"]
    assert (await ledger.verify(bia)).ok
    await ledger.ping()


async def test_jobs_are_put_taken_and_ended_behind_it(migrated: Bouncer) -> None:
    """The library's names are found in its schema, and the search path is that of a new connection afterwards."""
    delivery = new_hold_id()
    async with (
        AsyncConnectionPool[AsyncConnection[Any]](
            migrated.url, kwargs={"prepare_threshold": None}, min_size=2, max_size=2, open=False
        ) as pool,
        App(connector=JobConnector()).open_async(pool) as app,
    ):
        async with pool.connection() as connection:
            await put_deliveries(connection, [delivery])
        manager = app.job_manager
        worker = await manager.register_worker()
        jobs = await asyncio.gather(*(manager.fetch_job(None, worker) for _ in range(2)))
        (job,) = [job for job in jobs if job is not None]
        assert job.task_kwargs == {"delivery_id": str(delivery)}
        await manager.finish_job(job, Status.SUCCEEDED, delete_job=True)
        await manager.unregister_worker(worker)
    with contextlib.ExitStack() as stack:
        for _ in range(SERVERS):
            client = stack.enter_context(psycopg.connect(migrated.url))
            assert client.execute("SHOW search_path").fetchone() == ('"$user", public',)
