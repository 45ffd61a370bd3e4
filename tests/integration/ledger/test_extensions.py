"""Holds take a fair share and grow while their request runs; lengths of answers are shared."""

from __future__ import annotations

from solaris_hooks.ledger.lengths import LengthCount, LengthKind
from solaris_hooks.ledger.postgres import MOST_ANSWERS, PostgresLedger
from solaris_hooks.ledger.records import AccountChange, HoldOutcome
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import new_hold_id

from .world import ANA, LEASE_SECONDS, World


async def test_an_ample_balance_gives_all_that_is_wanted(world: World) -> None:
    await world.plan(1_000)
    assert (await world.hold(want=250, ample=1_000, fair=40)).amount == 250


async def test_a_smaller_balance_gives_a_twentieth_of_it(world: World) -> None:
    await world.plan(999)
    assert (await world.hold(want=250, ample=1_000, fair=250, step=10)).amount == 49
    assert (await world.hold(want=250, ample=1_000, fair=250, step=10)).amount == 47


async def test_a_share_is_at_least_the_step_and_the_minimum_and_at_most_what_is_fair(world: World) -> None:
    await world.plan(999)
    assert (await world.hold(want=250, ample=1_000, fair=250, step=60)).amount == 60
    assert (await world.hold(want=250, ample=1_000, fair=250, step=10, minimum=70)).amount == 70
    assert (await world.hold(want=250, ample=1_000, fair=40, step=10)).amount == 40


async def test_a_share_is_never_more_than_there_is(world: World) -> None:
    await world.plan(100)
    assert (await world.hold(want=250, ample=1_000, fair=200, minimum=30)).amount == 100


async def test_a_request_can_ask_for_ample_or_nothing(world: World) -> None:
    await world.plan(999)
    result = await world.hold(want=250, ample=1_000, minimum=1_000)
    assert (result.outcome, result.amount) == (HoldOutcome.TIGHT, 0)


async def test_a_hold_grows_by_its_share_but_at_least_by_its_step(world: World) -> None:
    await world.plan(1_000)
    hold_id = await world.held(100)
    assert (await world.extend(hold_id, 900, step=110)).amount == 145, "a twentieth of the 900 that are left"
    assert (await world.extend(hold_id, 900, step=300)).amount == 300


async def test_a_hold_grows_to_what_is_asked_and_twice_is_once(world: World) -> None:
    await world.plan(1_000)
    hold_id = await world.held(100)
    for _ in range(2):
        assert (await world.extend(hold_id, 300)).amount == 300
    assert (await world.account()).balance.held == 300
    (hold,) = await world.ledger.holds(ANA)
    assert hold.amount == 300


async def test_a_hold_grows_by_what_there_is_and_says_whether_others_hold_the_rest(world: World) -> None:
    await world.plan(1_000)
    hold_id = await world.held(100)
    other = await world.held(600)
    result = await world.extend(hold_id, 900)
    assert (result.amount, result.contended) == (400, True)
    await world.ledger.release(ANA, other)
    result = await world.extend(hold_id, 2_000)
    assert (result.amount, result.contended) == (1_000, False)


async def test_a_hold_never_shrinks(world: World) -> None:
    hold_id = await world.held(100)
    assert (await world.extend(hold_id, 50)).amount == 100


async def test_a_hold_that_ended_does_not_come_back(world: World) -> None:
    hold_id = await world.held(100)
    await world.settle(hold_id, 42)
    assert (await world.extend(hold_id, 300)).amount == 0
    assert (await world.account()).balance.held == 0


async def test_a_hold_that_was_lost_begins_anew(world: World) -> None:
    await world.held(1)
    assert (await world.extend(new_hold_id(), 300)).amount == 300
    assert (await world.account()).balance.held == 301


async def test_no_hold_of_an_unknown_account_grows(world: World) -> None:
    assert (await world.extend(new_hold_id(), 300)).amount == 0


async def test_whoever_is_suspended_meanwhile_gets_no_more(world: World) -> None:
    hold_id = await world.held(100)
    await world.ledger.put_account(ANA, AccountChange(status=Status.SUSPENDED), actor="admin", reason="asked")
    result = await world.extend(hold_id, 300)
    assert (result.amount, result.contended) == (100, False)


async def test_a_hold_grows_across_the_renewal(world: World) -> None:
    await world.plan(100)
    hold_id = await world.held(100)
    world.clock.wait(days=40)
    assert (await world.extend(hold_id, 150)).amount == 100, "what is held is held of the new month's tokens"


async def test_lengths_add_up(world: World) -> None:
    await world.ledger.exchange_lengths([LengthCount("m", LengthKind.STREAM, 3, 2)])
    found = await world.ledger.exchange_lengths(
        [LengthCount("m", LengthKind.STREAM, 3, 5), LengthCount("m", LengthKind.WHOLE, 3, 1)]
    )
    assert set(found) == {LengthCount("m", LengthKind.STREAM, 3, 7), LengthCount("m", LengthKind.WHOLE, 3, 1)}


async def test_the_newest_answers_say_most(postgres_ledger: PostgresLedger) -> None:
    await postgres_ledger.exchange_lengths([LengthCount("m", LengthKind.STREAM, 3, MOST_ANSWERS)])
    found = await postgres_ledger.exchange_lengths([LengthCount("m", LengthKind.STREAM, 9, 10)])
    assert set(found) == {
        LengthCount("m", LengthKind.STREAM, 3, MOST_ANSWERS // 2),
        LengthCount("m", LengthKind.STREAM, 9, 5),
    }


async def test_who_asks_for_more_still_runs(world: World) -> None:
    hold_id = await world.held(100)
    world.clock.wait(seconds=LEASE_SECONDS - 1)
    await world.extend(hold_id, 150)
    world.clock.wait(seconds=LEASE_SECONDS - 1)
    assert list(await world.ledger.claim_expired(limit=10, claim_seconds=30)) == []
