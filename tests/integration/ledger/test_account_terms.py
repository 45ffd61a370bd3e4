"""One account's plan changes now or at its renewal; what it has of its own holds until its time."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, EntryKind, HoldOutcome, Plan
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import Field, OverrideValue

from .world import ANA, BIA, World, facts, utc


async def change(world: World, plan_id: str, *, at_renewal: bool = False, pro_rata: bool = False) -> None:
    """Change Ana's plan."""
    await world.ledger.terms.change_plan(
        PlanChange(ANA, plan_id, "admin:root", at_renewal=at_renewal, pro_rata=pro_rata, reason="asked")
    )


async def override(world: World, until: str | None = None, **values: OverrideValue) -> None:
    """Give Ana terms of her own."""
    await world.ledger.terms.override(
        OverrideChange(
            ANA,
            "admin:root",
            "thesis",
            values={Field(name): value for name, value in values.items()},
            until=None if until is None else utc(until),
        )
    )


async def end(world: World, *fields: Field) -> None:
    """Take terms of Ana's own away."""
    await world.ledger.terms.override(OverrideChange(ANA, "admin:root", "done", clear=fields))


async def granted(world: World) -> tuple[str, int, int]:
    """Ana's plan, and what is granted and used of her allowance."""
    balance = (await world.account()).balance
    return balance.plan_id, balance.allowance_granted, balance.allowance_used


@pytest.fixture
async def plans(world: World) -> None:
    """A small plan that accounts begin with, and a big one."""
    world.clock.set("2026-01-01 03:00")  # the first moment of the month in São Paulo
    await world.plan(3_100)
    await world.plan(6_200, "big")
    await world.use(100)


pytestmark = pytest.mark.usefixtures("plans")

# --------------------------------------------------------------------- now


async def test_a_change_now_grants_the_new_plan_whole(world: World) -> None:
    await change(world, "big")
    assert await granted(world) == ("big", 6_200, 100)
    entry = await world.last(EntryKind.PLAN_CHANGE)
    assert (entry.tokens, entry.actor, entry.reason) == (3_100, "admin:root", "asked")


@pytest.mark.parametrize(
    ("when", "tokens"),
    [
        ("2026-01-01 03:00", 6_200),
        ("2026-01-11 03:00", 5_200),  # 10 days of 100, and 21 of 200
        ("2026-01-16 15:00", 4_650),
        ("2026-02-01 02:59:59.999999", 3_100),
    ],
)
async def test_a_change_in_mid_month_can_be_shared_by_time(world: World, when: str, tokens: int) -> None:
    world.clock.set(when)
    await change(world, "big", pro_rata=True)
    assert await granted(world) == ("big", tokens, 100)
    world.clock.set("2026-02-01 03:00")
    assert await granted(world) == ("big", 6_200, 0)


async def test_shared_changes_of_one_month_add_up(world: World) -> None:
    await world.plan(12_400, "huge")
    world.clock.set("2026-01-11 03:00")
    await change(world, "big", pro_rata=True)
    world.clock.set("2026-01-21 03:00")
    await change(world, "huge", pro_rata=True)
    assert await granted(world) == ("huge", 10 * 100 + 10 * 200 + 11 * 400, 100)


async def test_a_shared_change_to_less_does_not_take_back_what_is_used(world: World) -> None:
    await change(world, "big")
    await world.use(5_500)
    world.clock.set("2026-01-11 03:00")
    await change(world, "default", pro_rata=True)
    assert await granted(world) == ("default", 5_600, 5_600)


async def test_a_shared_allowance_stays_when_the_plan_s_other_terms_change(world: World) -> None:
    world.clock.set("2026-01-11 03:00")
    await change(world, "big", pro_rata=True)
    await world.ledger.put_plan(Plan("big", 6_200, (50,), overdraft=7), actor="admin:root")
    assert await granted(world) == ("big", 5_200, 100)
    await world.plan(9_300, "big")
    assert await granted(world) == ("big", 9_300, 100)


async def test_parts_of_tokens_are_rounded_down(world: World) -> None:
    await world.plan(10, "ten")
    await world.plan(7, "seven")
    await change(world, "ten")
    world.clock.set("2026-01-11 03:00")
    await change(world, "seven", pro_rata=True)  # of 21 of 31 days: 6.77 of 10 are taken, 4.74 of 7 are granted
    entry = await world.last(EntryKind.PLAN_CHANGE)
    assert facts(entry)["granted"] == 100, "what is used stays"
    world.clock.set("2026-02-01 03:00")
    await change(world, "ten")
    world.clock.set("2026-02-11 03:00")
    await change(world, "seven", pro_rata=True)  # of 18 of 28 days: 6.43 and 4.5
    assert await granted(world) == ("seven", 10 - 6 + 4, 0)


# --------------------------------------------------------------------- at the renewal


async def test_a_change_at_the_renewal_waits_for_it(world: World) -> None:
    await change(world, "big", at_renewal=True)
    account = await world.account()
    assert account.standing.scheduled is not None
    assert (account.standing.scheduled.plan_id, account.standing.scheduled.actor) == ("big", "admin:root")
    world.clock.set("2026-02-01 02:59:59.999999")
    assert await granted(world) == ("default", 3_100, 100)
    world.clock.set("2026-02-01 03:00")
    assert (await world.hold(6_000, 6_000)).outcome is HoldOutcome.HELD
    assert await granted(world) == ("big", 6_200, 0)
    assert (await world.account()).standing.scheduled is None
    assert facts(await world.last(EntryKind.RENEWAL)) == {"granted": 6_200, "overage_repaid": 0, "plan": "big"}
    world.clock.set("2026-03-01 03:00")
    await world.account()
    assert facts(await world.last(EntryKind.RENEWAL)) == {"granted": 6_200, "overage_repaid": 0}


async def test_a_scheduled_change_is_cancelled_by_the_plan_that_is_there(world: World) -> None:
    await change(world, "big", at_renewal=True)
    await change(world, "default", at_renewal=True)
    assert (await world.account()).standing.scheduled is None
    world.clock.set("2026-02-01 03:00")
    assert await granted(world) == ("default", 3_100, 0)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_change_now_undoes_what_was_scheduled(world: World, *, by_hand: bool) -> None:
    await world.plan(9_300, "other")
    await change(world, "big", at_renewal=True)
    if by_hand:
        await world.ledger.put_account(ANA, AccountChange(plan_id="other"), actor="admin:root")
    else:
        await change(world, "other")
    world.clock.set("2026-02-01 03:00")
    assert await granted(world) == ("other", 9_300, 0)


async def test_a_trial_that_begins_at_the_renewal_lasts_from_then(world: World) -> None:
    await world.ledger.put_plan(Plan("trial", 50, trial_days=3), actor="admin:root")
    await change(world, "trial", at_renewal=True)
    world.clock.set("2026-02-03 12:00")
    assert (await world.account()).standing.trial_ends_at == utc("2026-02-04 03:00")
    world.clock.set("2026-02-04 03:00")
    assert (await world.account()).balance.status is Status.SUSPENDED


async def test_changes_of_plan_are_audited(world: World) -> None:
    await change(world, "big", at_renewal=True)
    await change(world, "default", at_renewal=True)
    await change(world, "default", at_renewal=True)
    await change(world, "big")
    records = [each for each in await world.ledger.trail.records() if each.account_id == ANA]
    assert [(each.action, each.before, each.after) for each in reversed(records)] == [
        ("account.plan_scheduled", {"scheduled_plan": None}, {"scheduled_plan": "big"}),
        ("account.plan_unscheduled", {"scheduled_plan": "big"}, {"scheduled_plan": None}),
        ("account.plan", {"plan": "default", "allowance": 3_100}, {"plan": "big", "allowance": 6_200}),
    ]
    assert {(each.actor, each.reason, each.subject) for each in records} == {("admin:root", "asked", ANA)}


async def test_there_must_be_the_account_and_the_plan(world: World) -> None:
    with pytest.raises(NotFoundError):
        await change(world, "gone")
    with pytest.raises(NotFoundError):
        await world.ledger.terms.change_plan(PlanChange(BIA, "big", "admin:root"))
    with pytest.raises(NotFoundError):
        await world.ledger.terms.override(
            OverrideChange(BIA, "admin:root", "r", values={Field.OVERDRAFT: 1}, until=utc("2020-01-01"))
        )
    assert await granted(world) == ("default", 3_100, 100)


# --------------------------------------------------------------------- terms of one's own


async def test_terms_of_ones_own_win_over_the_plan_s_and_end_at_their_time(world: World) -> None:
    await override(world, "2026-01-20 12:00", monthly_tokens=5_000, overdraft=70, max_in_flight=1)
    assert await granted(world) == ("default", 5_000, 100)
    assert (await world.account()).balance.available == 4_970
    await world.held(10)
    world.clock.set("2026-01-20 11:59:59.999999")
    assert (await world.hold(10)).outcome is HoldOutcome.CROWDED
    world.clock.set("2026-01-20 12:00")
    assert (await world.hold(10)).outcome is HoldOutcome.HELD
    assert await granted(world) == ("default", 3_100, 100)
    assert (await world.account()).standing.overrides == ()
    entry = await world.last(EntryKind.PLAN_CHANGE)
    assert (entry.tokens, entry.actor, entry.reason) == (-1_900, "system", None)


async def test_what_was_used_meanwhile_is_not_taken_back(world: World) -> None:
    await override(world, "2026-01-20 12:00", monthly_tokens=5_000)
    await world.use(4_000)
    world.clock.set("2026-01-20 12:00")
    assert await granted(world) == ("default", 4_100, 4_100)
    world.clock.set("2026-02-01 03:00")
    assert await granted(world) == ("default", 3_100, 0)


async def test_a_settlement_after_the_end_is_booked_by_the_terms_of_then(world: World) -> None:
    await override(world, "2026-01-20 12:00", monthly_tokens=5_000)
    hold_id = await world.held(4_000)
    world.clock.set("2026-01-20 12:00:01")
    assert (await world.settle(hold_id, 4_000)).overage == 1_000


async def test_terms_of_ones_own_outlast_plans_and_renewals(world: World) -> None:
    await override(world, monthly_tokens=5_000)
    await change(world, "big")
    await world.ledger.put_account(ANA, AccountChange(plan_id="default"), actor="admin:root")
    world.clock.set("2026-03-10")
    assert await granted(world) == ("default", 5_000, 0)
    assert [kind for kind, *_ in await world.story()].count("plan_change") == 1


async def test_terms_that_ended_in_a_month_that_nobody_saw_are_gone(world: World) -> None:
    await override(world, "2026-02-20 12:00", monthly_tokens=5_000)
    await override(world, "2026-03-05 12:00", overdraft=70)
    world.clock.set("2026-03-04 12:00")
    assert (await world.account()).balance.available == 3_170
    world.clock.set("2026-05-04 12:00")
    assert (await world.account()).balance.available == 3_100


async def test_no_limit_is_a_term_of_ones_own_too(world: World) -> None:
    await world.ledger.put_plan(Plan("default", 3_100, max_in_flight=1, allowed_models=("a",)), actor="root")
    await override(world, max_in_flight=None, allowed_models=None)
    await world.held(10)
    held = await world.hold(10)
    assert held.outcome is HoldOutcome.HELD
    assert held.balance is not None
    assert held.balance.terms.allows("b")
    await end(world, Field.MAX_IN_FLIGHT, Field.ALLOWED_MODELS, Field.OVERDRAFT)
    assert (await world.hold(10)).outcome is HoldOutcome.CROWDED
    assert (await world.account()).standing.overrides == ()


async def test_thresholds_and_notices_of_ones_own(world: World) -> None:
    await override(world, thresholds=(50,), notices=False)
    result = await world.use(1_600)
    assert result.unread_notices == 0
    event = (await world.ledger.events(ANA))[0]
    assert (event.kind.value, event.details["threshold"]) == ("threshold.crossed", 50)
    assert not (await world.account()).notices
    await end(world, Field.NOTICES)
    assert (await world.use(1)).unread_notices == 1


async def test_another_override_of_a_field_replaces_the_first(world: World) -> None:
    await override(world, "2026-01-10", overdraft=70)
    await override(world, "2026-01-20", overdraft=50)
    (own,) = (await world.account()).standing.overrides
    assert (own.value, own.until, own.reason, own.actor) == (50, utc("2026-01-20"), "thesis", "admin:root")
    assert own.at == world.clock.now


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("monthly_tokens", -1),
        ("monthly_tokens", None),
        ("overdraft", -1),
        ("overdraft", None),
        ("max_in_flight", 0),
        ("allowed_models", ("",)),
        ("thresholds", (0,)),
        ("thresholds", None),
        ("notices", None),
    ],
)
async def test_terms_that_cannot_be_are_refused(world: World, field: str, value: OverrideValue) -> None:
    with pytest.raises(InvalidRequestError):
        await override(world, None, **{field: value})
    assert (await world.account()).standing.overrides == ()


async def test_an_override_must_end_in_the_future(world: World) -> None:
    with pytest.raises(InvalidRequestError):
        await override(world, "2026-01-01 03:00", overdraft=1)


async def test_terms_of_ones_own_are_audited(world: World) -> None:
    await override(world, "2026-01-20 12:00", max_in_flight=None, overdraft=70)
    await end(world, Field.OVERDRAFT, Field.NOTICES)
    ended, given = [each for each in await world.ledger.trail.records() if each.account_id == ANA]
    until = "2026-01-20T12:00:00.000000Z"
    assert (given.action, given.before) == ("account.overrides", {"max_in_flight": None, "overdraft": None})
    assert given.after == {
        "max_in_flight": {"value": None, "until": until},
        "overdraft": {"value": 70, "until": until},
    }
    assert (ended.before, ended.after) == ({"overdraft": {"value": 70, "until": until}}, {"overdraft": None})
    assert (ended.actor, ended.reason) == ("admin:root", "done")


# --------------------------------------------------------------------- those who do not call


async def test_accounts_that_nobody_looks_at_are_renewed_in_batches(world: World) -> None:
    await world.use(1, account_id=BIA)
    assert await world.ledger.cycle.renew_due(limit=10) == 0
    world.clock.set("2026-02-01 03:00")
    assert [await world.ledger.cycle.renew_due(limit=1) for _ in range(3)] == [1, 1, 0]
    for account_id in (ANA, BIA):
        newest = (await world.ledger.events(account_id))[0]
        assert (newest.kind.value, newest.at) == ("period.renewed", world.clock.now)


async def test_trials_and_terms_end_without_a_call(world: World) -> None:
    await override(world, "2026-01-10", overdraft=70)
    await world.ledger.put_plan(Plan("trial", 50, trial_days=20), actor="admin:root")
    await change(world, "trial")
    assert await world.ledger.cycle.renew_due(limit=10) == 0
    world.clock.set("2026-01-10")
    assert await world.ledger.cycle.renew_due(limit=10) == 1
    world.clock.set("2026-01-21 03:00")
    assert await world.ledger.cycle.renew_due(limit=10) == 1
    assert (await world.ledger.events(ANA))[0].kind.value == "account.suspended"
    assert await world.ledger.cycle.renew_due(limit=10) == 0


async def test_two_jobs_at_once_renew_each_account_once(world: World) -> None:
    for number in range(20):
        await world.use(1, account_id=AccountId(f"user:{number}"))
    world.clock.wait(days=40)
    renewed = await asyncio.gather(*(world.ledger.cycle.renew_due(limit=5) for _ in range(12)))
    assert sum(renewed) + await world.ledger.cycle.renew_due(limit=100) == 21
    kinds = [event.kind.value for event in await world.ledger.events(limit=200)]
    assert kinds.count("period.renewed") == 21


async def test_an_account_that_is_locked_is_left_to_whoever_locks_it(world: World, ledger_url: str) -> None:
    if not isinstance(world.ledger, PostgresLedger):
        pytest.skip("nothing is locked in memory")
    world.clock.wait(days=40)
    with psycopg.connect(ledger_url) as connection:
        connection.execute("SELECT FROM solaris.accounts WHERE account_id = %s FOR UPDATE", [ANA])
        assert await world.ledger.cycle.renew_due(limit=10) == 0
    assert await world.ledger.cycle.renew_due(limit=10) == 1
