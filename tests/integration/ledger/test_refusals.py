"""Refusals in both ledgers: written once, counted on, found, summed up and forgotten."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import psycopg
import pytest
from uuid_utils.compat import uuid7

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.refusal_book import RefusalFilter, RefusalStore, RefusalTotal
from solaris_hooks.ledger.refusal_records import MOST_HOLDERS, Refusal, RefusalReason
from tests.refused import AT, holders, refusal

from .world import ANA, BIA, EVA, RUI, TEAM, World

DAY = AT.date()


@pytest.fixture
def store(world: World) -> RefusalStore:
    """The book and where it is written."""
    assert isinstance(world.ledger, MemoryLedger | PostgresLedger)
    return world.ledger.refusals


def after(**time: float) -> dt.datetime:
    return AT + dt.timedelta(**time)


async def test_a_refusal_is_read_as_it_was_written(store: RefusalStore) -> None:
    whole = refusal(holders=holders(400, 300), param="model")
    bare = refusal(
        account_id=None, model=None, key_prefix=None, path=None, figures=None, asked=None, reason=RefusalReason.ROUTE
    )
    await store.write([whole, bare])
    assert await store.get(whole.refusal_id) == whole
    assert await store.get(bare.refusal_id) == bare
    assert await store.get(uuid7()) is None


async def test_writing_the_same_again_changes_nothing(store: RefusalStore) -> None:
    first = refusal(count=3)
    for _ in range(2):
        await store.write([first])
    assert await store.get(first.refusal_id) == first
    assert await store.totals(since=DAY, until=DAY) == [RefusalTotal(DAY, first.reason, 3, 1)]


async def test_a_row_is_counted_on_and_keeps_the_figures_of_the_first(store: RefusalStore) -> None:
    first = refusal()
    found = holders(700)
    await store.write([first])
    await store.write([replace(first, count=5, last_at=after(seconds=9), holders=found, figures=None)])
    await store.write([replace(first, count=2, last_at=after(seconds=3))])
    expected = replace(first, count=5, last_at=after(seconds=9), holders=found)
    assert await store.get(first.refusal_id) == expected
    assert [each.count for each in await store.totals(since=DAY, until=DAY)] == [5]


async def test_who_holds_is_told_of_several_accounts_at_once(world: World, store: RefusalStore) -> None:
    for amount in range(1, MOST_HOLDERS + 4):
        await world.hold(amount)
    await world.hold(50, account_id=BIA)
    found = await store.holders([ANA, BIA])
    assert (found[ANA].requests, found[ANA].amount) == (MOST_HOLDERS + 3, sum(range(1, MOST_HOLDERS + 4)))
    amounts = [each.amount for each in found[ANA].largest]
    assert amounts == sorted(range(4, MOST_HOLDERS + 4), reverse=True)
    assert [(each.amount, each.model, each.held_at) for each in found[BIA].largest] == [(50, "gpt-4o", world.clock.now)]
    assert found[BIA].read_at == world.clock.now


async def test_nobody_holds_of_an_account_that_is_unknown(store: RefusalStore) -> None:
    assert await store.holders([ANA]) == {}


async def ids(store: RefusalStore, limit: int = 50, **wanted: object) -> list[Refusal]:
    return list(await store.find(RefusalFilter(**wanted), limit=limit))  # type: ignore[arg-type]


async def test_refusals_are_found_by_what_they_are(store: RefusalStore) -> None:
    held = refusal()
    used_up = refusal(after(hours=1), reason=RefusalReason.EXHAUSTED, model="other")
    bias = refusal(after(hours=2), account_id=BIA)
    await store.write([held, used_up, bias])
    assert await ids(store) == [bias, used_up, held]
    assert await ids(store, account_id=ANA) == [used_up, held]
    assert await ids(store, reason=RefusalReason.EXHAUSTED) == [used_up]
    assert await ids(store, model="demo") == [bias, held]
    assert await ids(store, limit=2) == [bias, used_up]
    assert await ids(store, before=used_up.refusal_id) == [held]
    assert await ids(store, since=after(hours=1)) == [bias, used_up]
    assert await ids(store, until=after(hours=2)) == [used_up, held]


async def test_a_row_that_was_counted_on_is_found_by_its_last_time(store: RefusalStore) -> None:
    folded = refusal(last_at=after(seconds=59), count=2)
    await store.write([folded])
    assert await ids(store, since=after(seconds=30)) == [folded]
    assert await ids(store, since=after(seconds=60)) == []


async def test_totals_are_of_the_accounts_own_days_and_reasons(world: World, store: RefusalStore) -> None:
    await world.hold(1)
    night = dt.datetime(2026, 1, 16, 1, 0, tzinfo=dt.UTC)  # still the 15th in Sao Paulo
    await store.write(
        [
            refusal(night, count=4),
            refusal(night, account_id=None, reason=RefusalReason.ROUTE),
            refusal(night, account_id=BIA, reason=RefusalReason.ROUTE),
        ]
    )
    tomorrow = DAY + dt.timedelta(days=1)
    assert await store.totals(since=DAY, until=tomorrow) == [
        RefusalTotal(DAY, RefusalReason.CONTENDED, 4, 1),
        RefusalTotal(tomorrow, RefusalReason.ROUTE, 2, 2),
    ]
    assert await store.totals(since=DAY, until=tomorrow, account_id=ANA) == [
        RefusalTotal(DAY, RefusalReason.CONTENDED, 4, 1)
    ]


async def test_old_refusals_are_forgotten_in_batches_and_their_totals_stay(world: World, store: RefusalStore) -> None:
    old = [refusal(after(seconds=number), model=str(number)) for number in range(3)]
    young = refusal(after(days=1), reason=RefusalReason.TIGHT)
    await store.write([*old, young])
    world.clock.now = after(days=90, hours=1)
    keep = dt.timedelta(days=90)
    assert [await store.purge(older_than=keep, limit=2) for _ in range(3)] == [2, 1, 0]
    assert await ids(store) == [young]
    assert sum(each.count for each in await store.totals(since=DAY, until=young.at.date())) == 4


async def test_a_batch_is_no_larger_than_asked_whichever_way_it_is_planned(
    ledger_url: str, postgres_ledger: PostgresLedger
) -> None:
    await postgres_ledger.refusals.write([refusal(after(seconds=number), model=str(number)) for number in range(3)])
    async with await psycopg.AsyncConnection.connect(ledger_url) as connection:
        for other in (
            "hashjoin",
            "mergejoin",
            "hashagg",
            "sort",
            "material",
            "indexscan",
            "indexonlyscan",
            "bitmapscan",
        ):
            await connection.execute(f"SET LOCAL enable_{other} = off")
        gone = await connection.execute("SELECT solaris.purge_refusals_v1(interval '1 day', 2, %s)", [after(days=90)])
        assert await gone.fetchone() == (2,)


async def test_a_reason_of_a_newer_release_can_be_read(ledger_url: str, postgres_ledger: PostgresLedger) -> None:
    written = refusal()
    await postgres_ledger.refusals.write([written])
    async with await psycopg.AsyncConnection.connect(ledger_url) as connection:
        await connection.execute("UPDATE solaris.refusals SET reason = 'unheard_of'")
    read = await postgres_ledger.refusals.get(written.refusal_id)
    assert read is not None
    assert read.reason is RefusalReason.OTHER


async def test_members_of_a_team_read_their_own(store: RefusalStore) -> None:
    ruis = [refusal(after(hours=number), account_id=TEAM, member_id=RUI, model=str(number)) for number in range(3)]
    evas = refusal(after(hours=1), account_id=TEAM, member_id=EVA)
    await store.write([*ruis, evas])
    assert await ids(store, account_id=TEAM, member_id=RUI) == ruis[::-1]
    assert await ids(store, account_id=TEAM, member_id=EVA) == [evas]
    assert await ids(store, account_id=TEAM, member_id=RUI, before=ruis[2].refusal_id, limit=1) == [ruis[1]]
    assert await ids(store, account_id=TEAM, member_id=RUI, since=after(minutes=30), model="1") == [ruis[1]]
    assert await ids(store, account_id=ANA, member_id=RUI) == []
