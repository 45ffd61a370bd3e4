"""Leases: holds of requests that still run live on, those of dead ones are found."""

from __future__ import annotations

import datetime as dt

from solaris_hooks.quota.ids import new_hold_id

from .world import ANA, BIA, LEASE_SECONDS, World


async def test_a_lease_that_runs_is_not_claimed(world: World) -> None:
    await world.held()
    world.clock.wait(seconds=LEASE_SECONDS)
    assert list(await world.ledger.claim_expired(limit=10, claim_seconds=30)) == []


async def test_a_lease_that_ran_out_is_claimed_once(world: World) -> None:
    hold_id = await world.held()
    world.clock.wait(seconds=LEASE_SECONDS + 1)

    (claimed,) = await world.ledger.claim_expired(limit=10, claim_seconds=30)

    assert (claimed.account_id, claimed.hold_id, claimed.amount) == (ANA, hold_id, 100)
    assert claimed.lease_until == world.clock.now + dt.timedelta(seconds=30)
    assert list(await world.ledger.claim_expired(limit=10, claim_seconds=30)) == []


async def test_a_claim_that_came_to_nothing_can_be_claimed_again(world: World) -> None:
    await world.held()
    world.clock.wait(seconds=LEASE_SECONDS + 1)
    await world.ledger.claim_expired(limit=10, claim_seconds=30)
    world.clock.wait(seconds=31)
    assert len(await world.ledger.claim_expired(limit=10, claim_seconds=30)) == 1


async def test_claimed_tokens_stay_held(world: World) -> None:
    await world.held(70)
    world.clock.wait(seconds=LEASE_SECONDS + 1)
    await world.ledger.claim_expired(limit=10, claim_seconds=30)
    assert (await world.account()).balance.held == 70


async def test_the_oldest_leases_are_claimed_first_and_no_more_than_asked(world: World) -> None:
    made = []
    for account_id in (BIA, ANA, BIA, ANA, BIA):
        made.append(await world.held(account_id=account_id))
        world.clock.wait(seconds=1)
    world.clock.wait(seconds=LEASE_SECONDS)

    first = await world.ledger.claim_expired(limit=3, claim_seconds=30)
    second = await world.ledger.claim_expired(limit=3, claim_seconds=30)

    assert [hold.hold_id for hold in first] == made[:3]
    assert [hold.hold_id for hold in second] == made[3:]


async def test_a_renewed_lease_lives_on(world: World) -> None:
    kept = await world.held()
    await world.held()
    world.clock.wait(seconds=LEASE_SECONDS - 1)

    assert await world.ledger.renew_leases([(ANA, kept)], lease_seconds=LEASE_SECONDS) == 1

    world.clock.wait(seconds=2)
    claimed = await world.ledger.claim_expired(limit=10, claim_seconds=30)
    assert [hold.hold_id for hold in claimed if hold.hold_id == kept] == []
    assert len(claimed) == 1


async def test_only_holds_that_are_still_there_are_renewed(world: World) -> None:
    here, gone = await world.held(), await world.held()
    await world.ledger.release(ANA, gone)
    asked = [(ANA, here), (ANA, gone), (ANA, new_hold_id()), (BIA, here)]
    assert await world.ledger.renew_leases(asked, lease_seconds=LEASE_SECONDS) == 1
    assert await world.ledger.renew_leases([], lease_seconds=LEASE_SECONDS) == 0


async def test_a_lease_that_ran_out_can_still_be_settled(world: World) -> None:
    hold_id = await world.held(100)
    world.clock.wait(seconds=10 * LEASE_SECONDS)
    await world.ledger.claim_expired(limit=10, claim_seconds=30)
    await world.settle(hold_id, 80)
    balance = (await world.account()).balance
    assert (balance.held, balance.used) == (0, 80)


async def test_the_first_leases_to_run_out_are_claimed_first_whichever_hold_was_first(world: World) -> None:
    made = [new_hold_id() for _ in range(4)]
    for hold_id, lease_seconds in zip(made, (90, 30, 120, 60), strict=True):
        await world.hold(hold_id=hold_id, lease_seconds=lease_seconds)
    world.clock.wait(seconds=200)

    claimed = await world.ledger.claim_expired(limit=3, claim_seconds=30)

    assert [hold.hold_id for hold in claimed] == [made[1], made[3], made[0]]
