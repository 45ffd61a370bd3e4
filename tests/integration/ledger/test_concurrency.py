"""Many at once on PostgreSQL: what is granted is the limit, and every step happens once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import HoldOutcome, SettleOutcome
from solaris_hooks.quota.ids import AccountId, new_hold_id

from .conftest import empty
from .world import ANA, LEASE_SECONDS, Clock, World


@pytest.fixture
async def worlds(ledger_url: str, superuser_url: str, clock: Clock) -> AsyncIterator[tuple[World, World]]:
    """Two ledgers with pools of their own over one database, like two proxies."""
    empty(superuser_url)
    async with (
        PostgresLedger.connect(ledger_url, now=clock) as first,
        PostgresLedger.connect(ledger_url, now=clock) as second,
    ):
        yield World(first, clock), World(second, clock)
        assert (await first.verify()).flaws == ()


async def test_fifty_requests_get_the_room_of_ten(worlds: tuple[World, World]) -> None:
    await worlds[0].plan(1_000)
    results = await asyncio.gather(*(worlds[n % 2].hold(want=100, minimum=100) for n in range(50)))

    outcomes = Counter(result.outcome for result in results)
    assert outcomes == {HoldOutcome.HELD: 10, HoldOutcome.CONTENDED: 40}
    assert sum(result.created for result in results) == 1, "one of them made the account"
    balance = (await worlds[0].account()).balance
    assert (balance.held, balance.available) == (1_000, 0)


async def test_capped_requests_together_hold_no_more_than_there_is(worlds: tuple[World, World]) -> None:
    await worlds[0].plan(1_000)
    results = await asyncio.gather(*(worlds[n % 2].hold(want=70 + n, minimum=1) for n in range(50)))
    assert sum(result.amount for result in results) == 1_000


async def test_holds_and_settlements_at_once_never_spend_more_than_was_granted(
    worlds: tuple[World, World],
) -> None:
    await worlds[0].plan(5_000)
    booked = Counter[str]()

    async def chat(n: int) -> None:
        world, hold_id = worlds[n % 2], new_hold_id()
        held = await world.hold(want=150, minimum=50, hold_id=hold_id)
        if held.outcome is not HoldOutcome.HELD:
            booked["refused"] += 1
            return
        settled = await world.settle(hold_id, held.amount - n % 7)
        booked["tokens"] += settled.charge
        booked["overage"] += settled.overage

    await asyncio.gather(*(chat(n) for n in range(120)))

    balance = (await worlds[0].account()).balance
    assert balance.used == booked["tokens"] <= 5_000
    assert (balance.held, balance.overage, booked["overage"]) == (0, 0, 0)
    assert booked["refused"] > 0
    assert list(await worlds[0].ledger.holds()) == []


async def test_one_hold_settled_from_many_sides_is_booked_once(worlds: tuple[World, World]) -> None:
    hold_id = await worlds[0].held(100)
    results = await asyncio.gather(*(worlds[n % 2].settle(hold_id, 80) for n in range(20)))
    assert Counter(result.outcome for result in results) == {
        SettleOutcome.SETTLED: 1,
        SettleOutcome.REPLAYED: 19,
    }
    assert (await worlds[0].account()).balance.used == 80


async def test_a_hold_settled_and_released_at_once_is_booked(worlds: tuple[World, World]) -> None:
    holds = [await worlds[0].held(100) for _ in range(20)]
    settled, _ = await asyncio.gather(
        asyncio.gather(*(worlds[0].settle(hold_id, 7) for hold_id in holds)),
        asyncio.gather(*(worlds[1].ledger.release(ANA, hold_id) for hold_id in holds)),
    )
    assert {result.outcome for result in settled} == {SettleOutcome.SETTLED}
    balance = (await worlds[0].account()).balance
    assert (balance.used, balance.held) == (140, 0)


async def test_one_grant_from_many_sides_is_granted_once(worlds: tuple[World, World]) -> None:
    await worlds[0].hold(0, 0)
    await asyncio.gather(*(worlds[n % 2].grant(500, key="order-1") for n in range(20)))
    assert (await worlds[0].account()).balance.credits_remaining == 500


async def test_one_renewal_from_many_sides_happens_once(worlds: tuple[World, World]) -> None:
    await worlds[0].use(10)
    worlds[0].clock.set("2026-02-10")
    await asyncio.gather(*(worlds[n % 2].hold(want=1) for n in range(30)))
    assert [kind for kind, *_ in await worlds[0].story()].count("renewal") == 1


async def test_two_sweepers_never_claim_the_same_hold(worlds: tuple[World, World]) -> None:
    for _ in range(40):
        await worlds[0].held(1)
    worlds[0].clock.wait(seconds=LEASE_SECONDS + 1)

    batches = await asyncio.gather(*(worlds[n % 2].ledger.claim_expired(limit=7, claim_seconds=30) for n in range(10)))

    claimed = Counter(hold.hold_id for batch in batches for hold in batch)
    assert max(claimed.values()) == 1
    assert all(len(batch) <= 7 for batch in batches)


async def test_many_first_requests_of_many_people_make_each_account_once(worlds: tuple[World, World]) -> None:
    results = await asyncio.gather(
        *(worlds[n % 2].hold(want=1, account_id=AccountId(f"user:{n % 10}")) for n in range(60))
    )
    assert sum(result.created for result in results) == 10
    assert (await worlds[0].ledger.verify()).accounts == 10


async def test_books_verify_while_traffic_goes_on(worlds: tuple[World, World]) -> None:
    await worlds[0].hold(0, 0)

    async def traffic() -> None:
        for _ in range(40):
            await worlds[0].use(3)

    running = asyncio.create_task(traffic())
    while not running.done():
        assert (await worlds[1].ledger.verify()).flaws == ()
    await running


async def test_entries_of_an_account_are_in_order_of_time_by_the_database_s_clock(
    ledger_url: str, superuser_url: str
) -> None:
    """The clock is read after the account is locked, whoever asked first."""
    empty(superuser_url)
    async with PostgresLedger.connect(ledger_url) as ledger:
        world = World(ledger, Clock())
        await asyncio.gather(*(world.use(1) for _ in range(40)))
        times = [entry.at for entry in await world.entries()]
        assert times == sorted(times)
        assert len(times) == 41
        assert (await ledger.verify()).ok
