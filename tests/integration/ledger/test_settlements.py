"""Settlements: what was used is booked, once, whatever happened to the hold."""

from __future__ import annotations

import datetime as dt

import pytest

from solaris_hooks.ledger.records import (
    AccountChange,
    DailyUsage,
    EntryKind,
    HoldOutcome,
    SettleOutcome,
)
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.errors import LedgerError
from solaris_hooks.quota.ids import new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

from .world import ANA, BIA, USE, World, facts, utc

LONG_AGO, FAR_AHEAD = dt.date(2000, 1, 1), dt.date(2100, 1, 1)


async def test_a_settlement_turns_a_hold_into_use(world: World) -> None:
    hold_id = await world.held(500)

    result = await world.settle(hold_id, 120)

    assert (result.outcome, result.charge, result.overage) == (SettleOutcome.SETTLED, 120, 0)
    assert result.balance == (await world.account()).balance
    assert (result.balance.held, result.balance.allowance_used) == (0, 120)
    assert result.balance.available == 999_880
    assert await world.ledger.holds() == []


async def test_a_settlement_writes_one_entry(world: World) -> None:
    hold_id = await world.held(500)
    await world.settle(hold_id, 120, details={"key_alias": "ana's", "n": 2})

    assert await world.story() == [
        ("opening", 1_000_000, 1_000_000, 0, 0),
        ("usage", -120, 999_880, 0, 0),
    ]
    entry = await world.last(EntryKind.USAGE)
    assert (entry.idempotency_key, entry.number) == (f"usage:{hold_id}", 2)
    assert (entry.at, entry.reason) == (world.clock.now, None)
    found = facts(entry)
    assert (found["model"], found["source"]) == ("gpt-4o", "provider")
    assert (found["input_tokens"], found["cached_input_tokens"]) == (30, 10)
    assert (found["output_tokens"], found["reasoning_tokens"]) == (12, 5)
    assert found["more"] == {"key_alias": "ana's", "n": 2}


async def test_use_that_cost_nothing_is_written_too(world: World) -> None:
    await world.settle(await world.held(), 0)
    assert await world.story() == [
        ("opening", 1_000_000, 1_000_000, 0, 0),
        ("usage", 0, 1_000_000, 0, 0),
    ]


async def test_use_beyond_the_hold_is_taken_from_what_is_left(world: World) -> None:
    hold_id = await world.held(10)
    result = await world.settle(hold_id, 250)
    assert result.balance is not None
    assert (result.overage, result.balance.allowance_used) == (0, 250)


async def test_use_beyond_everything_is_overage_in_an_entry_of_its_own(world: World) -> None:
    await world.plan(100)
    hold_id = await world.held(100)

    result = await world.settle(hold_id, 130)

    assert (result.charge, result.overage) == (130, 30)
    assert result.balance is not None
    assert (result.balance.overage, result.balance.remaining) == (30, 0)
    assert result.balance.used == 130
    assert await world.story() == [
        ("opening", 100, 100, 0, 0),
        ("usage", -100, 0, 0, 0),
        ("overage", -30, 0, 0, 30),
    ]
    assert (await world.last(EntryKind.OVERAGE)).idempotency_key == f"overage:{hold_id}"


async def test_overage_adds_up(world: World) -> None:
    await world.plan(100)
    await world.use(130)
    await world.use(7)
    assert (await world.story())[-2:] == [("usage", 0, 0, 0, 30), ("overage", -7, 0, 0, 37)]


async def test_use_may_take_what_others_hold(world: World) -> None:
    """It happened: the books say so, and nothing can be held until they are settled."""
    await world.plan(100)
    first, second = await world.held(50), await world.held(50)

    await world.settle(first, 80)

    balance = (await world.account()).balance
    assert (balance.remaining, balance.held, balance.available) == (20, 50, 0)
    assert (await world.settle(second, 50)).overage == 30


async def test_use_is_booked_where_the_hold_was_lost(world: World) -> None:
    await world.held(40)
    result = await world.settle(new_hold_id(), 70)
    assert result.outcome is SettleOutcome.SETTLED
    assert result.balance is not None
    assert (result.balance.held, result.balance.used) == (40, 70)


async def test_use_is_booked_where_the_hold_was_released(world: World) -> None:
    hold_id = await world.held(40)
    await world.ledger.release(ANA, hold_id)

    first = await world.settle(hold_id, 70)
    second = await world.settle(hold_id, 70)

    assert (first.outcome, second.outcome) == (SettleOutcome.SETTLED, SettleOutcome.REPLAYED)
    assert (await world.account()).balance.used == 70


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.BLOCKED, Status.PENDING])
async def test_use_is_booked_whatever_was_said_about_the_account_meanwhile(world: World, status: Status) -> None:
    hold_id = await world.held(40)
    await world.ledger.put_account(ANA, AccountChange(status=status), actor="root", reason="asked")
    assert (await world.settle(hold_id, 70)).outcome is SettleOutcome.SETTLED


async def test_use_of_nobody_is_unknown(world: World) -> None:
    result = await world.settle(new_hold_id(), 70, account_id=BIA)
    assert (result.outcome, result.charge, result.overage) == (SettleOutcome.UNKNOWN, 0, 0)
    assert result.balance is None


async def test_a_second_settle_returns_the_first_result(world: World) -> None:
    await world.plan(100)
    hold_id = await world.held(100)
    await world.settle(hold_id, 130)
    story = await world.story()

    again = await world.settle(hold_id, 130)

    assert (again.outcome, again.charge, again.overage) == (SettleOutcome.REPLAYED, 130, 30)
    assert await world.story() == story
    assert again.balance == (await world.account()).balance


async def test_a_second_settle_for_another_charge_changes_nothing(world: World) -> None:
    hold_id = await world.held(100)
    await world.settle(hold_id, 60)
    await world.use(5)

    other = await world.settle(hold_id, 61)

    assert (other.outcome, other.charge, other.overage) == (SettleOutcome.CONFLICT, 60, 0)
    assert other.balance is not None
    assert other.balance.used == 65, "the balance is of now, not of then"


async def test_a_settle_a_month_late_is_still_a_replay(world: World) -> None:
    hold_id = await world.held(100)
    await world.settle(hold_id, 60)
    world.clock.set("2026-03-02")

    again = await world.settle(hold_id, 60)

    assert again.outcome is SettleOutcome.REPLAYED
    assert again.balance is not None
    assert again.balance.used == 0
    assert (await world.story())[-1] == ("renewal", 1_000_000, 1_000_000, 0, 0), "and renews the account"


async def test_a_settlement_tells_the_use_before_it(world: World) -> None:
    await world.plan(1_000)
    await world.use(799)
    crossing = await world.use(151)
    assert crossing.use_percent_before == 79
    assert crossing.balance is not None
    assert (crossing.balance.use_percent, crossing.balance.state) == (95, State.CRITICAL)


async def test_use_before_a_renewal_is_not_of_this_period(world: World) -> None:
    await world.plan(1_000)
    await world.use(999)
    world.clock.set("2026-02-02")
    assert (await world.settle(new_hold_id(), 1)).use_percent_before == 0


async def test_an_account_without_any_grant_is_exhausted(world: World) -> None:
    await world.plan(0)
    result = await world.use(5)
    assert result.use_percent_before == 100
    assert result.balance is not None
    assert (result.balance.use_percent, result.balance.state) == (100, State.EXHAUSTED)
    assert (await world.hold(1, 1)).outcome is HoldOutcome.TIGHT


async def test_a_negative_charge_is_refused(world: World) -> None:
    hold_id = await world.held(100)
    with pytest.raises(LedgerError):
        await world.settle(hold_id, -1)
    assert (await world.account()).balance.held == 100


async def test_totals_are_kept_per_local_day_and_model(world: World) -> None:
    """02:59 UTC is still yesterday in Sao Paulo."""
    world.clock.set("2026-01-16 02:59")
    await world.use(10, model="gpt-4o")
    await world.use(20, model="gpt-4o")
    world.clock.set("2026-01-16 03:00")
    await world.use(40, model="gpt-4o")
    await world.use(80, model="claude")

    days = await world.ledger.daily_usage(ANA, since=LONG_AGO, until=FAR_AHEAD)

    assert list(days) == [
        DailyUsage(dt.date(2026, 1, 15), "gpt-4o", 2, 0, 60, 20, 24, 30),
        DailyUsage(dt.date(2026, 1, 16), "claude", 1, 0, 30, 10, 12, 80),
        DailyUsage(dt.date(2026, 1, 16), "gpt-4o", 1, 0, 30, 10, 12, 40),
    ]


async def test_totals_are_of_the_days_asked_for_both_ends_included(world: World) -> None:
    for day in (10, 11, 12, 13):
        world.clock.now = utc(f"2026-01-{day} 12:00")
        await world.use(day)
    asked = await world.ledger.daily_usage(ANA, since=dt.date(2026, 1, 11), until=dt.date(2026, 1, 12))
    assert [total.charge for total in asked] == [11, 12]
    assert list(await world.ledger.daily_usage(BIA, since=LONG_AGO, until=FAR_AHEAD)) == []


@pytest.mark.parametrize("source", list(UsageSource))
async def test_totals_count_what_was_estimated(world: World, source: UsageSource) -> None:
    await world.hold()
    await world.settle(new_hold_id(), 9, source=source)
    (total,) = await world.ledger.daily_usage(ANA, since=LONG_AGO, until=FAR_AHEAD)
    estimated = source in {UsageSource.ESTIMATE, UsageSource.SWEEP}
    assert (total.requests, total.estimated_requests) == (1, int(estimated))


async def test_totals_hold_the_whole_charge_overage_included(world: World) -> None:
    await world.plan(10)
    await world.use(25)
    (total,) = await world.ledger.daily_usage(ANA, since=LONG_AGO, until=FAR_AHEAD)
    assert total.charge == 25


async def test_replays_count_once_in_the_totals(world: World) -> None:
    hold_id = await world.held()
    for charge in (9, 9, 8):
        await world.settle(hold_id, charge)
    (total,) = await world.ledger.daily_usage(ANA, since=LONG_AGO, until=FAR_AHEAD)
    assert (total.requests, total.charge, total.input_tokens) == (1, 9, USE.input_tokens)


async def test_huge_use_is_booked_to_the_token(world: World) -> None:
    await world.hold()
    usage = Usage(input_tokens=10**8, output_tokens=10**8)
    result = await world.settle(new_hold_id(), 10**12 + 1, usage=usage)
    assert result.overage == 10**12 + 1 - 10**6


async def test_what_is_paid_by_the_unit_is_booked_without_tokens_and_is_no_estimate(world: World) -> None:
    hold_id = await world.held(500)
    result = await world.settle(hold_id, 300, usage=Usage(0, 0), source=UsageSource.PRICE)

    assert (result.outcome, result.charge) == (SettleOutcome.SETTLED, 300)
    assert facts(await world.last(EntryKind.USAGE))["source"] == "price"
    (day,) = await world.ledger.daily_usage(ANA, since=LONG_AGO, until=FAR_AHEAD)
    assert (day.requests, day.estimated_requests, day.charge) == (1, 0, 300)
