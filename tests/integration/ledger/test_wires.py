"""The connections of requests: kept, watched, given back, and none the worse for what goes wrong on them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
import uvloop

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.errors import LedgerBusyError, LedgerError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId

from .conftest import empty
from .world import Clock, World

Opened = Callable[..., Awaitable[World]]


@pytest.fixture
async def opened(ledger_url: str, superuser_url: str, clock: Clock) -> AsyncIterator[Opened]:
    """Ledgers over the same, empty books, each with settings of its own."""
    empty(superuser_url)
    ledgers: list[PostgresLedger] = []

    async def open_one(**settings: Any) -> World:
        ledgers.append(PostgresLedger(ledger_url, now=clock, **settings))
        return World(ledgers[-1], clock)

    yield open_one
    for ledger in ledgers:
        await ledger.close()


def _others(superuser_url: str, statement: str) -> list[tuple[int, bool]]:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        return connection.execute(
            f"SELECT pid, {statement} FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = 'solaris' AND pid <> pg_backend_pid()"
        ).fetchall()


async def _all_made(world: World, superuser_url: str) -> list[tuple[int, bool]]:
    """The connections, when all are made: at its first statement a pool may begin with one more than it needs."""
    assert isinstance(world.ledger, PostgresLedger)
    pool = world.ledger._statements._pool
    for _ in range(500):
        made = _others(superuser_url, "true")
        if len(made) == pool.get_stats()["pool_size"]:
            break
        await asyncio.sleep(0.01)
    return made


async def test_a_request_s_connection_serves_the_next_one(opened: Opened, superuser_url: str) -> None:
    world = await opened()
    await world.use(1)
    before = await _all_made(world, superuser_url)
    for _ in range(20):
        await world.use(1)
    assert _others(superuser_url, "true") == before


async def test_one_connection_is_enough_for_everything(opened: Opened) -> None:
    world = await opened(pool_max_size=1, pool_timeout_seconds=5.0)
    await asyncio.gather(*(world.use(1, account_id=AccountId(f"user:{n}")) for n in range(12)))
    assert (await world.ledger.verify()).accounts == 12


async def test_pages_and_requests_share_few_connections(opened: Opened) -> None:
    world = await opened(pool_max_size=2, pool_timeout_seconds=5.0)
    await world.use(1)
    pages = [world.account() for _ in range(10)]
    await asyncio.gather(*pages, *(world.use(1, account_id=AccountId(f"user:{n}")) for n in range(10)))
    assert (await world.ledger.verify()).ok


async def test_without_prepared_statements_the_answers_are_the_same(opened: Opened, superuser_url: str) -> None:
    world = await opened(prepare=False)
    await world.use(7)
    assert (await world.hold(10)).amount == 10
    assert (await world.account()).balance.used == 7


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(
    opened: Opened, superuser_url: str
) -> None:
    world = await opened()
    await world.use(1)
    assert all(ended for _, ended in _others(superuser_url, "pg_terminate_backend(pid, 5000)"))
    await asyncio.sleep(0.1)
    await world.use(1)
    assert (await world.account()).balance.used == 2


async def test_a_connection_that_dies_under_a_statement_is_replaced_and_the_statement_tried_once_more(
    opened: Opened, superuser_url: str
) -> None:
    world = await opened()
    hold_id = await world.held(10)
    with psycopg.connect(superuser_url) as blocker:
        blocker.execute("SELECT FROM solaris.accounts FOR UPDATE")
        settling = asyncio.create_task(world.settle(hold_id, 5))
        for _ in range(100):
            await asyncio.sleep(0.02)
            if any(waits for _, waits in _others(superuser_url, "wait_event_type IS NOT DISTINCT FROM 'Lock'")):
                break
        _others(superuser_url, "wait_event_type = 'Lock' AND pg_terminate_backend(pid, 5000)")
        blocker.rollback()
    assert (await settling).charge == 5
    assert (await world.account()).balance.used == 5


async def test_what_the_server_refuses_leaves_the_connection_in_use(opened: Opened, superuser_url: str) -> None:
    world = await opened()
    hold_id = await world.held(10)
    before = await _all_made(world, superuser_url)
    with pytest.raises(LedgerError):
        await world.settle(hold_id, -1)
    await world.settle(hold_id, 3)
    assert _others(superuser_url, "true") == before


async def test_a_statement_that_somebody_deallocated_is_prepared_again(opened: Opened) -> None:
    world = await opened(pool_max_size=1)
    await world.use(1)
    ledger = world.ledger
    assert isinstance(ledger, PostgresLedger)
    async with ledger._statements.snapshot() as connection:
        await connection.execute("DEALLOCATE ALL")
    await world.use(1)
    assert (await world.account()).balance.used == 2


async def test_a_caller_that_is_cancelled_leaves_no_connection_in_a_state_that_others_see(
    opened: Opened, superuser_url: str
) -> None:
    world = await opened(pool_max_size=2, pool_timeout_seconds=5.0)
    await world.use(1)
    with psycopg.connect(superuser_url) as blocker:
        blocker.execute("SELECT FROM solaris.accounts FOR UPDATE")
        waiting = [asyncio.create_task(world.hold(1)) for _ in range(2)]
        await asyncio.sleep(0.2)
        for each in waiting:
            each.cancel()
        for each in waiting:
            with suppress(asyncio.CancelledError):
                await each
        blocker.rollback()
    await asyncio.gather(*(world.use(1, account_id=AccountId(f"user:{n}")) for n in range(6)))
    assert (await world.ledger.verify()).ok


async def test_a_hundred_at_once_share_the_connections_that_there_are(opened: Opened, superuser_url: str) -> None:
    world = await opened(pool_max_size=3)
    accounts = [AccountId(f"user:{n}") for n in range(100)]
    await asyncio.gather(*(world.use(1, account_id=each) for each in accounts[:10]))
    before = await _all_made(world, superuser_url)
    await asyncio.gather(*(world.use(1, account_id=each) for each in accounts))
    assert _others(superuser_url, "true") == before
    assert (await world.ledger.verify()).accounts == 100


async def test_a_caller_that_is_cancelled_keeps_no_connection_from_the_next_one(
    opened: Opened, superuser_url: str
) -> None:
    world = await opened(pool_max_size=2)
    await world.use(1)
    before = await _all_made(world, superuser_url)
    with psycopg.connect(superuser_url) as blocker:
        blocker.execute("SELECT FROM solaris.accounts FOR UPDATE")
        running = asyncio.create_task(world.hold(1))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(world.hold(1, account_id=AccountId("user:bia")))
        await asyncio.sleep(0.1)
        for each in (running, waiting):
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
        blocker.rollback()
    await world.use(1)
    assert _others(superuser_url, "true") == before
    assert await world.ledger.account(AccountId("user:bia")) is None, "it had not left when its caller did"


async def test_who_waits_behind_a_statement_that_hangs_is_served_when_it_is_given_up(
    opened: Opened, superuser_url: str
) -> None:
    world = await opened(pool_max_size=2, pool_timeout_seconds=1.0)
    await world.use(1)
    with psycopg.connect(superuser_url) as blocker:
        blocker.execute("SELECT FROM solaris.accounts FOR UPDATE")
        hangs = asyncio.create_task(world.hold(1))
        await asyncio.sleep(0.3)
        behind = asyncio.create_task(world.hold(1, account_id=AccountId("user:bia")))
        with pytest.raises(LedgerUnavailableError):
            await hangs
        assert (await behind).amount == 1
        blocker.rollback()


async def test_who_waits_too_long_for_a_connection_hears_that_all_are_busy(opened: Opened, superuser_url: str) -> None:
    world = await opened(pool_max_size=2, pool_timeout_seconds=0.5)
    ledger = world.ledger
    assert isinstance(ledger, PostgresLedger)
    async with ledger._statements.snapshot(), ledger._statements.snapshot():
        with pytest.raises(LedgerBusyError):
            await world.hold(1)
    await world.use(1)


async def test_a_text_with_a_zero_byte_is_refused_whole(opened: Opened) -> None:
    world = await opened()
    with pytest.raises(LedgerError):
        await world.hold(1, account_id=AccountId("user:ana\0bia"))
    assert await world.ledger.account(AccountId("user:ana")) is None


async def test_a_statement_longer_than_the_socket_s_buffer_arrives_whole(opened: Opened) -> None:
    world = await opened()
    hold_id = await world.held(10)
    text = "á" * 3_000_000
    await world.settle(hold_id, 5, details={"text": text})
    assert text in (await world.entries())[-1].details


async def test_times_come_back_exact_and_in_utc(opened: Opened, clock: Clock) -> None:
    clock.now = dt.datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
    world = await opened()
    held = await world.hold(1)
    account = await world.account()
    assert held.balance == account.balance
    assert held.balance.period.end.utcoffset() == dt.timedelta(0)
    assert account.last_used_at == clock.now


async def test_a_server_that_is_gone_is_said_to_be_gone(ledger_url: str) -> None:
    nobody_listens = ledger_url.replace(ledger_url.rpartition(":")[2].partition("/")[0], "1")
    ledger = PostgresLedger(nobody_listens, pool_timeout_seconds=0.5)
    try:
        with pytest.raises(LedgerUnavailableError):
            await World(ledger, Clock()).hold(1)
    finally:
        await ledger.close()


def test_connections_that_died_unseen_are_noticed_under_uvloop_too(ledger_url: str, superuser_url: str) -> None:
    """The proxy's own event loop, which tells nothing of a socket that its peer has reset."""
    empty(superuser_url)

    async def scene() -> None:
        ledger = PostgresLedger(ledger_url)
        world = World(ledger, Clock())
        await asyncio.gather(*(world.use(1, account_id=AccountId(f"user:{n}")) for n in range(4)))
        assert any(ended for _, ended in _others(superuser_url, "pg_terminate_backend(pid)"))
        async with asyncio.timeout(20):
            for n in range(4):
                await world.use(1, account_id=AccountId(f"user:{n}"))
        await ledger.close()

    uvloop.run(scene())
