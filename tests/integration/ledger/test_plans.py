"""Plans: a change applies at once, but what was used cannot be taken back."""

from __future__ import annotations

import pytest

from solaris_hooks.ledger.records import AccountChange, EntryKind, Plan
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError

from .world import ANA, BIA, World, facts


async def _move(world: World, plan_id: str) -> None:
    await world.ledger.put_account(ANA, AccountChange(plan_id=plan_id), actor="admin:root")


async def test_there_is_a_default_plan(world: World) -> None:
    assert await world.ledger.plan("default") == Plan("default", 1_000_000, (80, 95, 100))


async def test_plans_read_back_in_order_of_id(world: World) -> None:
    team = Plan("team", 5, (50,))
    assert await world.ledger.put_plan(team, actor="root") == team
    await world.ledger.put_plan(Plan("a_b-1", 0, ()), actor="root")
    assert [plan.plan_id for plan in await world.ledger.plans()] == ["a_b-1", "default", "team"]
    assert await world.ledger.plan("team") == team
    assert await world.ledger.plan("gone") is None


async def test_a_changed_plan_replaces_the_one_before(world: World) -> None:
    await world.ledger.put_plan(Plan("team", 5, (50,)), actor="root")
    await world.ledger.put_plan(Plan("team", 6, (1, 60, 100)), actor="root")
    assert await world.ledger.plan("team") == Plan("team", 6, (1, 60, 100))


@pytest.mark.parametrize(
    "plan",
    [
        Plan("", 5),
        Plan("Team", 5),
        Plan("-team", 5),
        Plan("t" * 65, 5),
        Plan("team\n", 5),
        Plan("té", 5),
        Plan("team", -1),
        Plan("team", 10**15 + 1),
        Plan("team", 5, (0,)),
        Plan("team", 5, (101,)),
        Plan("team", 5, (80, 80)),
        Plan("team", 5, (95, 80)),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(world: World, plan: Plan) -> None:
    with pytest.raises(InvalidRequestError):
        await world.ledger.put_plan(plan, actor="root")
    assert [plan.plan_id for plan in await world.ledger.plans()] == ["default"]


async def test_the_greatest_plan_can_be_granted_and_used(world: World) -> None:
    await world.plan(10**15)
    result = await world.use(10**15 + 1)
    assert result.overage == 1
    assert result.balance is not None
    assert result.balance.use_percent == 100


async def test_a_greater_plan_grants_the_difference_at_once(world: World) -> None:
    await world.plan(1_000)
    await world.plan(2_500, "big")
    await world.use(300)

    await _move(world, "big")

    balance = (await world.account()).balance
    assert (balance.plan_id, balance.allowance_granted, balance.allowance_used) == ("big", 2_500, 300)
    entry = await world.last(EntryKind.PLAN_CHANGE)
    assert (entry.tokens, entry.allowance_after, entry.actor) == (1_500, 2_200, "admin:root")
    assert (entry.number, entry.idempotency_key) == (3, "plan:3")
    assert facts(entry) == {"plan": "big", "granted": 2_500, "overage_repaid": 0}


async def test_a_smaller_plan_takes_back_what_is_unused(world: World) -> None:
    await world.plan(1_000)
    await world.plan(500, "small")
    await world.use(300)
    await _move(world, "small")
    assert (await world.story())[-1] == ("plan_change", -500, 200, 0, 0)


async def test_a_smaller_plan_does_not_take_back_what_is_used(world: World) -> None:
    await world.plan(1_000)
    await world.plan(100, "small")
    await world.use(300)

    await _move(world, "small")

    balance = (await world.account()).balance
    assert (balance.allowance_granted, balance.allowance_used, balance.available) == (300, 300, 0)
    assert (await world.story())[-1] == ("plan_change", -700, 0, 0, 0)

    world.clock.set("2026-02-10")
    assert (await world.account()).balance.allowance_granted == 100


async def test_a_smaller_plan_may_leave_less_than_is_held(world: World) -> None:
    await world.plan(1_000)
    await world.plan(100, "small")
    hold_id = await world.held(600)
    await _move(world, "small")
    balance = (await world.account()).balance
    assert (balance.remaining, balance.held, balance.available) == (100, 600, 0)
    assert (await world.settle(hold_id, 600)).overage == 500


async def test_a_plan_of_the_same_size_is_no_entry(world: World) -> None:
    await world.plan(1_000)
    await world.plan(1_000, "twin")
    await world.hold(0, 0)
    await _move(world, "twin")
    assert (await world.account()).balance.plan_id == "twin"
    assert [kind for kind, *_ in await world.story()] == ["opening"]


async def test_new_room_repays_what_is_owed(world: World) -> None:
    await world.plan(1_000)
    await world.plan(1_500, "big")
    await world.use(1_200)

    await _move(world, "big")

    balance = (await world.account()).balance
    assert (balance.overage, balance.allowance_used, balance.remaining) == (0, 1_200, 300)
    assert (await world.story())[-1] == ("plan_change", 500, 300, 0, 0)
    assert facts(await world.last(EntryKind.PLAN_CHANGE))["overage_repaid"] == 200


async def test_room_too_small_for_what_is_owed_repays_a_part(world: World) -> None:
    await world.plan(1_000)
    await world.plan(1_500, "big")
    await world.use(2_200)
    await _move(world, "big")
    assert (await world.story())[-1] == ("plan_change", 500, 0, 0, 700)
    assert (await world.account()).balance.used == 2_200


async def test_a_changed_plan_reaches_its_accounts_at_their_next_operation(world: World) -> None:
    await world.plan(1_000)
    await world.use(300)
    await world.use(100, account_id=BIA)

    await world.plan(2_000)

    assert (await world.account(ANA)).balance.remaining == 1_700
    assert (await world.hold(1_900, 1_900, account_id=BIA)).amount == 1_900
    entry = await world.last(EntryKind.PLAN_CHANGE, BIA)
    assert (entry.tokens, entry.actor) == (1_000, "system")


async def test_a_changed_plan_is_taken_over_once(world: World) -> None:
    await world.plan(1_000)
    await world.use(300)
    await world.plan(100)
    for _ in range(3):
        await world.account()
        await world.use(10)
    assert [kind for kind, *_ in await world.story()].count("plan_change") == 1


async def test_a_plan_that_shrinks_and_grows_again_ends_where_it_was(world: World) -> None:
    await world.plan(1_000)
    await world.use(300)
    for tokens in (100, 1_000):
        await world.plan(tokens)
        await world.account()
    assert [line for line in await world.story() if line[0] == "plan_change"] == [
        ("plan_change", -700, 0, 0, 0),
        ("plan_change", 700, 700, 0, 0),
    ]


async def test_a_plan_changed_and_changed_back_before_anybody_looked_is_no_entry(world: World) -> None:
    await world.plan(1_000)
    await world.use(300)
    await world.plan(2_000)
    await world.plan(1_000)
    await world.account()
    assert [kind for kind, *_ in await world.story()] == ["opening", "usage"]


async def test_an_account_cannot_move_to_a_plan_that_is_not_there(world: World) -> None:
    await world.hold(0, 0)
    with pytest.raises(NotFoundError):
        await _move(world, "gone")
    assert (await world.account()).balance.plan_id == "default"
