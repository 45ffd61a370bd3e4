"""Holds: what a request may use, before it is used."""

from __future__ import annotations

import datetime as dt

import pytest

from solaris_hooks.ledger.records import AccountChange, HoldOutcome, NewAccount, SettleOutcome
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import NotFoundError, SolarisError
from solaris_hooks.quota.ids import new_hold_id

from .world import ANA, BIA, World


async def test_a_hold_takes_what_is_wanted_from_what_is_available(world: World) -> None:
    result = await world.hold(want=400, minimum=10)

    assert (result.outcome, result.amount) == (HoldOutcome.HELD, 400)
    assert result.balance is not None
    assert (result.balance.held, result.balance.available) == (400, 999_600)
    assert result.balance.remaining == 1_000_000, "a held token is not a used token"


async def test_a_hold_writes_no_entry(world: World) -> None:
    await world.hold()
    assert [kind for kind, *_ in await world.story()] == ["opening"]


async def test_a_hold_is_capped_to_what_is_available(world: World) -> None:
    await world.plan(1_000)
    await world.held(900)

    result = await world.hold(want=500, minimum=100)

    assert (result.outcome, result.amount) == (HoldOutcome.HELD, 100)


async def test_what_is_wanted_may_be_less_than_the_minimum(world: World) -> None:
    await world.plan(10)
    assert (await world.hold(want=5, minimum=50)).amount == 5


async def test_a_request_that_would_fit_but_for_other_holds_is_contended(world: World) -> None:
    await world.plan(1_000)
    await world.held(901)

    result = await world.hold(want=500, minimum=100)

    assert (result.outcome, result.amount) == (HoldOutcome.CONTENDED, 0)
    assert result.balance is not None
    assert result.balance.held == 901, "a refusal holds nothing"


async def test_a_request_that_fits_nowhere_is_tight_whatever_is_held(world: World) -> None:
    await world.plan(1_000)
    await world.held(901)
    assert (await world.hold(want=5_000, minimum=1_001)).outcome is HoldOutcome.TIGHT


async def test_an_exhausted_account_is_tight_not_contended(world: World) -> None:
    await world.plan(1_000)
    await world.use(1_000)
    assert (await world.hold(want=1, minimum=1)).outcome is HoldOutcome.TIGHT


async def test_a_request_for_tokens_is_never_held_at_none(world: World) -> None:
    """It would run without a bound: not even one that says it could do with nothing."""
    await world.plan(100)
    await world.held(100)
    assert (await world.hold(want=10, minimum=0)).outcome is HoldOutcome.CONTENDED
    await world.use(100)
    assert (await world.hold(want=10, minimum=0)).outcome is HoldOutcome.TIGHT


async def test_a_request_that_costs_nothing_is_held_even_when_nothing_is_left(world: World) -> None:
    await world.plan(100)
    await world.use(300)
    result = await world.hold(want=0, minimum=0)
    assert (result.outcome, result.amount) == (HoldOutcome.HELD, 0)


async def test_credits_can_be_held_like_allowance(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.grant(50)
    assert (await world.hold(want=150, minimum=150)).amount == 150


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.BLOCKED, Status.PENDING])
async def test_an_account_that_is_not_active_holds_nothing(world: World, status: Status) -> None:
    await world.ledger.put_account(ANA, AccountChange(status=status, status_reason="asked"), actor="root")

    result = await world.hold()

    assert (result.outcome, result.amount, result.created) == (HoldOutcome.INACTIVE, 0, False)
    assert result.balance is not None
    assert (result.balance.status, result.balance.status_reason) == (status, "asked")


async def test_the_first_hold_makes_the_account_as_the_settings_say(world: World) -> None:
    await world.plan(7_000, "team")
    new = NewAccount(plan_id="team", locale="en", time_zone="Europe/Lisbon", anchor_day=15)

    first = await world.hold(new_account=new)
    second = await world.hold(new_account=new)

    assert (first.created, second.created) == (True, False)
    assert first.balance is not None
    assert (first.balance.plan_id, first.balance.locale) == ("team", "en")
    assert (first.balance.time_zone, first.balance.allowance_granted) == ("Europe/Lisbon", 7_000)
    assert first.balance.period.start == dt.datetime(2026, 1, 15, tzinfo=dt.UTC)


async def test_an_account_that_may_not_be_made_is_unknown(world: World) -> None:
    result = await world.hold(new_account=NewAccount(create=False))

    assert (result.outcome, result.amount, result.balance) == (HoldOutcome.UNKNOWN, 0, None)
    assert await world.ledger.account(ANA) is None


async def test_an_account_that_exists_needs_no_leave_to_be_made(world: World) -> None:
    await world.hold()
    assert (await world.hold(new_account=NewAccount(create=False))).outcome is HoldOutcome.HELD


async def test_a_first_hold_on_a_plan_that_is_not_there_makes_nothing(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.hold(new_account=NewAccount(plan_id="gone"))
    assert await world.ledger.account(ANA) is None


async def test_a_first_hold_in_a_zone_that_is_not_there_makes_nothing(world: World) -> None:
    """Settings are checked before; whoever passes them by gets an error of ours."""
    with pytest.raises(SolarisError):
        await world.hold(new_account=NewAccount(time_zone="Mars/Olympus"))
    assert await world.ledger.account(ANA) is None


async def test_a_hold_keeps_the_address_that_it_brings(world: World) -> None:
    await world.hold(email="ana@example.com")
    await world.hold(email=None)
    assert (await world.account()).email == "ana@example.com"
    await world.hold(email="ana@example.org")
    assert (await world.account()).email == "ana@example.org"


async def test_a_hold_marks_the_account_as_used(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(), actor="root")
    assert (await world.account()).last_used_at is None
    await world.hold()
    assert (await world.account()).last_used_at == world.clock.now


async def test_a_hold_that_is_asked_for_again_is_the_same_hold(world: World) -> None:
    """An answer lost with its connection must not hold twice."""
    hold_id = await world.held(10)
    again = await world.hold(want=500, minimum=400, hold_id=hold_id)

    assert (again.outcome, again.amount, again.created) == (HoldOutcome.HELD, 10, False)
    assert (await world.account()).balance.held == 10
    assert len(await world.ledger.holds()) == 1


async def test_a_hold_id_is_one_account_s_own(world: World) -> None:
    hold_id = await world.held(10)
    assert (await world.hold(want=30, hold_id=hold_id, account_id=BIA)).amount == 30
    assert await world.ledger.release(ANA, hold_id) is True
    assert (await world.account(BIA)).balance.held == 30


async def test_a_hold_reads_back_with_its_prompt_within_its_amount(world: World) -> None:
    await world.plan(100)
    hold_id = new_hold_id()
    await world.hold(want=500, minimum=5, hold_id=hold_id, prompt=400)

    (hold,) = await world.ledger.holds(ANA)

    assert (hold.account_id, hold.hold_id, hold.model) == (ANA, hold_id, "gpt-4o")
    assert (hold.amount, hold.prompt) == (100, 100)
    assert hold.held_at == world.clock.now
    assert hold.lease_until == world.clock.now + dt.timedelta(seconds=60)


async def test_holds_read_oldest_first_of_one_account_or_all(world: World) -> None:
    made = []
    for account_id in (BIA, ANA, BIA):
        made.append(await world.held(account_id=account_id))
        world.clock.wait(seconds=1)

    assert [hold.hold_id for hold in await world.ledger.holds()] == made
    assert [hold.hold_id for hold in await world.ledger.holds(BIA)] == [made[0], made[2]]
    assert [hold.hold_id for hold in await world.ledger.holds(limit=2)] == made[:2]


async def test_a_released_hold_is_available_again(world: World) -> None:
    hold_id = await world.held(500)

    assert await world.ledger.release(ANA, hold_id) is True

    balance = (await world.account()).balance
    assert (balance.held, balance.available, balance.used) == (0, 1_000_000, 0)
    assert await world.ledger.holds() == []


async def test_a_second_release_is_told_that_nothing_was_there(world: World) -> None:
    hold_id = await world.held()
    await world.ledger.release(ANA, hold_id)
    assert await world.ledger.release(ANA, hold_id) is False


async def test_a_settled_hold_cannot_be_released(world: World) -> None:
    hold_id = await world.held()
    await world.settle(hold_id, 40)
    assert await world.ledger.release(ANA, hold_id) is False
    assert (await world.account()).balance.used == 40


async def test_releasing_what_was_never_there_changes_nothing(world: World) -> None:
    assert await world.ledger.release(BIA, new_hold_id()) is False
    assert await world.ledger.account(BIA) is None


async def test_a_hold_that_comes_again_after_its_release_can_be_released_again(world: World) -> None:
    """A statement whose connection broke may reach PostgreSQL after everything else happened."""
    hold_id = await world.held(100)
    await world.ledger.release(ANA, hold_id)
    await world.hold(want=100, hold_id=hold_id)

    assert await world.ledger.release(ANA, hold_id) is True

    assert (await world.account()).balance.held == 0
    assert list(await world.ledger.holds()) == []


async def test_a_hold_that_comes_again_after_its_settlement_ends_with_the_next_one(world: World) -> None:
    hold_id = await world.held(100)
    await world.settle(hold_id, 60)
    await world.hold(want=100, hold_id=hold_id)

    assert (await world.settle(hold_id, 60)).outcome is SettleOutcome.REPLAYED

    balance = (await world.account()).balance
    assert (balance.held, balance.used) == (0, 60)
    assert list(await world.ledger.holds()) == []


async def test_a_hold_that_comes_again_after_its_settlement_can_be_released(world: World) -> None:
    hold_id = await world.held(100)
    await world.settle(hold_id, 60)
    await world.hold(want=100, hold_id=hold_id)

    assert await world.ledger.release(ANA, hold_id) is True

    balance = (await world.account()).balance
    assert (balance.held, balance.used) == (0, 60)
