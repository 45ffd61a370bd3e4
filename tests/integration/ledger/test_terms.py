"""What a plan says beside its tokens: requests at once, overdraft, models, weights, notices, trials, months."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.records import AccountChange, HoldOutcome, NewAccount, Plan
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import new_hold_id
from solaris_hooks.quota.terms import Terms
from solaris_hooks.quota.weights import Weights, WeightTable

from .world import ANA, BIA, World, utc

WEIGHTS = WeightTable({"gpt-4o*": Weights(Decimal("0.376"), Decimal(0), Decimal(2)), "*": Weights()})


async def put(world: World, plan: Plan) -> None:
    """Make or change a plan."""
    await world.ledger.put_plan(plan, actor="admin:root", reason="terms")


async def kinds(world: World) -> list[str]:
    """Kinds of Ana's events, oldest first."""
    return [event.kind.value for event in reversed(await world.ledger.events(ANA))]


async def test_a_plan_reads_back_with_all_its_terms(world: World) -> None:
    await put(world, Plan("next", 5))
    plan = Plan(
        "trial",
        1_000,
        (50, 100),
        allowed_models=("gpt-4o*", "claude-*"),
        max_in_flight=2,
        overdraft=70,
        time_zone="Europe/Lisbon",
        anchor_day=15,
        weights=WEIGHTS,
        notices=False,
        trial_days=14,
        trial_then="next",
    )
    assert await world.ledger.put_plan(plan, actor="admin:root") == plan
    assert await world.ledger.plan("trial") == plan
    await put(world, Plan("trial", 1_000))
    assert await world.ledger.plan("trial") == Plan("trial", 1_000)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"allowed_models": ("",)}, "allowed_models"),
        ({"allowed_models": ("a\n",)}, "allowed_models"),
        ({"allowed_models": ("a",) * 201}, "allowed_models"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"overdraft": -1}, "overdraft"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"anchor_day": 32}, "anchor_day"),
        ({"trial_days": 0}, "trial_days"),
        ({"trial_then": "default"}, "trial_days"),
        ({"trial_days": 3, "trial_then": "odd"}, "trial_then"),
    ],
)
async def test_terms_that_cannot_be_are_refused(world: World, change: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        await put(world, replace(Plan("odd", 5), **change))  # type: ignore[arg-type] # what a caller may send
    assert refused.value.param == param


async def test_a_plan_that_is_not_there_follows_no_trial(world: World) -> None:
    with pytest.raises(NotFoundError):
        await put(world, Plan("odd", 5, trial_days=3, trial_then="gone"))
    assert await world.ledger.plan("odd") is None


async def test_who_changed_a_plan_and_why_is_written_down(world: World) -> None:
    await put(world, Plan("team", 5, weights=WEIGHTS))
    await put(world, Plan("team", 6, max_in_flight=3, weights=WEIGHTS))
    await put(world, Plan("team", 6, max_in_flight=3, weights=WEIGHTS))
    changed, made = await world.ledger.trail.records()
    assert (made.action, made.subject, made.account_id, made.actor, made.reason) == (
        "plan.put",
        "team",
        None,
        "admin:root",
        "terms",
    )
    assert (made.at, made.before) == (world.clock.now, None)
    assert made.after == {
        "monthly_tokens": 5,
        "thresholds": [80, 95, 100],
        "allowed_models": None,
        "max_in_flight": None,
        "overdraft": 0,
        "time_zone": None,
        "anchor_day": None,
        "weights": {
            "gpt-4o*": {"input": "0.376", "cached_input": "0", "output": "2"},
            "*": {"input": "1", "cached_input": "1", "output": "1"},
        },
        "notices": True,
        "trial_days": None,
        "trial_then": None,
    }
    assert changed.before == {"monthly_tokens": 5, "max_in_flight": None}
    assert changed.after == {"monthly_tokens": 6, "max_in_flight": 3}


# --------------------------------------------------------------------- requests at once


async def test_only_so_many_requests_run_at_once(world: World) -> None:
    await put(world, Plan("default", 1_000, max_in_flight=2))
    first = await world.held(10)
    await world.held(10)
    refused = await world.hold(10)
    assert (refused.outcome, refused.amount) == (HoldOutcome.CROWDED, 0)
    assert refused.balance is not None
    assert refused.balance.terms.max_in_flight == 2
    await world.settle(first, 5)
    assert (await world.hold(10)).outcome is HoldOutcome.HELD


async def test_no_more_run_however_many_ask_at_once(world: World) -> None:
    await put(world, Plan("default", 1_000, max_in_flight=3))
    await world.use(1)
    results = await asyncio.gather(*(world.hold(10) for _ in range(20)))
    outcomes = [result.outcome for result in results]
    assert (outcomes.count(HoldOutcome.HELD), outcomes.count(HoldOutcome.CROWDED)) == (3, 17)


async def test_no_overdraft_is_held_twice_however_many_ask_at_once(world: World) -> None:
    await put(world, Plan("default", 100, overdraft=55))
    await world.use(90)
    results = await asyncio.gather(*(world.hold(10, 10) for _ in range(20)))
    assert sum(result.amount for result in results) == 60


async def test_the_same_request_asked_again_is_no_further_one(world: World) -> None:
    await put(world, Plan("default", 1_000, max_in_flight=1))
    hold_id = new_hold_id()
    for _ in range(2):
        assert (await world.hold(10, hold_id=hold_id)).outcome is HoldOutcome.HELD


async def test_whoever_has_no_tokens_is_told_so_and_not_that_others_run(world: World) -> None:
    await put(world, Plan("default", 100, max_in_flight=1))
    await world.held(50)
    assert (await world.hold(500, 500)).outcome is HoldOutcome.TIGHT
    assert (await world.hold(60, 60)).outcome is HoldOutcome.CROWDED


async def test_requests_of_others_do_not_count(world: World) -> None:
    await put(world, Plan("default", 1_000, max_in_flight=1))
    await world.held(10)
    assert (await world.hold(10, account_id=BIA)).outcome is HoldOutcome.HELD


async def test_a_limit_that_is_lifted_is_lifted_at_once(world: World) -> None:
    await put(world, Plan("default", 1_000, max_in_flight=1))
    await world.held(10)
    await put(world, Plan("default", 1_000))
    assert (await world.hold(10)).outcome is HoldOutcome.HELD


# --------------------------------------------------------------------- overdraft


async def test_an_overdraft_can_be_held_and_is_owed_when_it_is_used(world: World) -> None:
    await put(world, Plan("default", 1_000, overdraft=200))
    hold_id = await world.held(1_150)
    assert (await world.account()).balance.available == 50
    settled = await world.settle(hold_id, 1_150)
    assert settled.overage == 150
    assert settled.balance is not None
    assert (settled.balance.overage, settled.balance.available, settled.balance.spendable) == (150, 50, 50)
    assert (await world.hold(51, 51)).outcome is HoldOutcome.TIGHT
    assert (await world.hold(50, 50)).amount == 50


async def test_what_was_overdrawn_is_taken_from_the_next_month(world: World) -> None:
    await put(world, Plan("default", 1_000, overdraft=200))
    await world.use(1_150)
    world.clock.set("2026-02-03 12:00")
    balance = (await world.account()).balance
    assert (balance.remaining, balance.overage, balance.available) == (850, 0, 1_050)


async def test_owing_more_than_the_overdraft_leaves_nothing(world: World) -> None:
    await put(world, Plan("default", 1_000, overdraft=200))
    await world.use(1_500)
    balance = (await world.account()).balance
    assert (balance.spendable, balance.available) == (-300, 0)
    assert (await world.hold(1, 1)).outcome is HoldOutcome.TIGHT


async def test_a_hold_grows_into_the_overdraft(world: World) -> None:
    await put(world, Plan("default", 1_000, overdraft=200))
    hold_id = await world.held(900)
    result = await world.extend(hold_id, 2_000)
    assert (result.amount, result.contended) == (1_200, False)


async def test_an_overdraft_that_others_hold_is_waited_for(world: World) -> None:
    await put(world, Plan("default", 1_000, overdraft=200))
    await world.held(1_100)
    assert (await world.hold(150, 150)).outcome is HoldOutcome.CONTENDED


# --------------------------------------------------------------------- models, weights, notices


async def test_a_hold_says_models_and_weights(world: World) -> None:
    await put(world, Plan("default", 1_000, allowed_models=("gpt-*",), weights=WEIGHTS))
    terms = Terms(allowed_models=("gpt-*",), weights=WEIGHTS)
    held = await world.hold(10)
    settled = await world.use(10)
    for balance in (held.balance, settled.balance, (await world.account()).balance):
        assert balance is not None
        assert balance.terms == terms
    assert terms.allows("gpt-4o")
    assert not terms.allows("o3")


async def test_an_account_whose_plan_has_no_notices_has_none_unread(world: World) -> None:
    await put(world, Plan("default", 1_000, notices=False))
    assert (await world.use(900)).unread_notices == 0
    assert not (await world.account()).notices
    await put(world, Plan("default", 1_000))
    assert (await world.use(1)).unread_notices == 1


# --------------------------------------------------------------------- as good as used up


async def test_whoever_is_refused_with_next_to_nothing_left_is_told_that_it_is_used_up(world: World) -> None:
    await world.plan(1_000)
    await world.use(995)
    assert (await world.hold(20, 20)).outcome is HoldOutcome.TIGHT
    assert (await world.hold(20, 20)).outcome is HoldOutcome.TIGHT
    assert await kinds(world) == ["account.created", "threshold.crossed", "quota.exhausted"]
    event = (await world.ledger.events(ANA))[0]
    assert (event.details["threshold"], event.details["percent"], event.details["remaining"]) == (100, 99, 5)
    assert (await world.use(1)).unread_notices == 2


async def test_whoever_is_refused_with_more_left_is_not(world: World) -> None:
    await world.plan(1_000)
    await world.use(989)
    await world.hold(20, 20)
    assert EventKind.QUOTA_EXHAUSTED.value not in await kinds(world)


async def test_asking_whether_the_balance_is_ample_announces_nothing(world: World) -> None:
    await world.plan(1_000)
    await world.use(995)
    assert (await world.hold(2, 40, ample=40)).outcome is HoldOutcome.TIGHT
    assert EventKind.QUOTA_EXHAUSTED.value not in await kinds(world)


async def test_a_plan_that_does_not_tell_of_the_end_does_not_now_either(world: World) -> None:
    await put(world, Plan("default", 1_000, (80,)))
    await world.use(995)
    await world.hold(20, 20)
    assert EventKind.QUOTA_EXHAUSTED.value not in await kinds(world)


# --------------------------------------------------------------------- months of new accounts


async def test_a_new_account_has_the_months_that_its_plan_wants(world: World) -> None:
    await put(world, Plan("default", 1_000, time_zone="Europe/Lisbon", anchor_day=10))
    balance = (await world.hold(1)).balance
    assert balance is not None
    assert balance.time_zone == "Europe/Lisbon"
    assert balance.period.start == utc("2026-01-10 00:00")


async def test_so_has_one_that_an_administrator_makes_unless_he_says_others(world: World) -> None:
    await put(world, Plan("abroad", 1_000, time_zone="Europe/Lisbon", anchor_day=10))
    made = await world.ledger.put_account(ANA, AccountChange(plan_id="abroad"), actor="admin:root")
    assert (made.balance.time_zone, made.anchor_day) == ("Europe/Lisbon", 10)
    assert made.balance.period.start == utc("2026-01-10 00:00")
    own = AccountChange(plan_id="abroad", time_zone="America/Manaus", anchor_day=2)
    made = await world.ledger.put_account(BIA, own, actor="admin:root")
    assert (made.balance.time_zone, made.anchor_day) == ("America/Manaus", 2)
    assert made.balance.period.start == utc("2026-01-02 04:00")


async def test_an_account_that_is_there_keeps_its_months(world: World) -> None:
    await world.hold(1)
    await put(world, Plan("default", 1_000, time_zone="Europe/Lisbon", anchor_day=10))
    assert (await world.account()).balance.time_zone == "America/Sao_Paulo"


async def test_new_accounts_may_have_to_wait_for_approval(world: World) -> None:
    result = await world.hold(1, new_account=NewAccount(status=Status.PENDING))
    assert (result.outcome, result.created) == (HoldOutcome.INACTIVE, True)
    assert result.balance is not None
    assert result.balance.status is Status.PENDING
    assert (await world.ledger.events(ANA))[0].details["status"] == "pending"
    await world.ledger.put_account(ANA, AccountChange(status=Status.ACTIVE), actor="admin:root")
    assert (await world.hold(1)).outcome is HoldOutcome.HELD


# --------------------------------------------------------------------- trials


async def test_a_trial_leads_to_the_plan_that_follows(world: World) -> None:
    await put(world, Plan("paid", 5_000))
    await put(world, Plan("default", 1_000, trial_days=7, trial_then="paid"))
    await world.use(400)
    assert (await world.account()).standing.trial_ends_at == utc("2026-01-22 12:00")
    world.clock.set("2026-01-22 11:59:59")
    assert (await world.account()).balance.plan_id == "default"
    world.clock.set("2026-01-22 12:00")
    balance = (await world.account()).balance
    assert (balance.plan_id, balance.allowance_granted, balance.allowance_used) == ("paid", 5_000, 400)
    assert (await world.account()).standing.trial_ends_at is None
    assert (await world.story())[-1] == ("plan_change", 4_000, 4_600, 0, 0)


@pytest.mark.parametrize(
    ("locale", "reason"), [("pt_BR", "O período de teste terminou."), ("en", "The trial has ended.")]
)
async def test_a_trial_that_nothing_follows_suspends(world: World, locale: str, reason: str) -> None:
    await put(world, Plan("default", 1_000, trial_days=7))
    hold_id = new_hold_id()
    await world.hold(10, hold_id=hold_id, new_account=NewAccount(locale=locale))
    world.clock.set("2026-01-22 12:00")
    assert (await world.settle(hold_id, 10)).outcome.value == "settled", "what ran is booked"
    refused = await world.hold(10)
    assert refused.outcome is HoldOutcome.INACTIVE
    assert refused.balance is not None
    assert (refused.balance.status, refused.balance.status_reason) == (Status.SUSPENDED, reason)
    assert (await kinds(world))[-1] == "account.suspended"
    await world.ledger.put_account(ANA, AccountChange(status=Status.ACTIVE), actor="admin:root")
    assert (await world.hold(10)).outcome is HoldOutcome.HELD, "whom an administrator lets go on is not stopped again"


async def test_a_trial_that_ended_months_ago_renews_by_the_plan_that_followed(world: World) -> None:
    await put(world, Plan("paid", 5_000))
    await put(world, Plan("default", 1_000, trial_days=40, trial_then="paid"))
    await world.use(400)
    world.clock.set("2026-05-05 12:00")
    balance = (await world.account()).balance
    assert (balance.plan_id, balance.allowance_granted, balance.allowance_used) == ("paid", 5_000, 0)
    assert [kind for kind, *_ in await world.story()] == [
        "opening",
        "usage",
        "lapse",
        "renewal",
        "plan_change",
        "lapse",
        "renewal",
    ]
    assert (await kinds(world)).count("period.renewed") == 1


async def test_another_plan_ends_a_trial(world: World) -> None:
    await put(world, Plan("paid", 5_000))
    await put(world, Plan("default", 1_000, trial_days=7))
    await world.hold(1)
    await world.ledger.put_account(ANA, AccountChange(plan_id="paid"), actor="admin:root")
    world.clock.set("2026-01-25 12:00")
    assert (await world.account()).balance.status is Status.ACTIVE


async def test_a_plan_that_becomes_a_trial_later_ends_for_nobody_who_is_on_it(world: World) -> None:
    await world.hold(1)
    await put(world, Plan("default", 1_000, trial_days=7))
    world.clock.set("2026-03-25 12:00")
    assert (await world.account()).balance.status is Status.ACTIVE


async def test_a_plan_that_is_no_trial_any_more_suspends_nobody(world: World) -> None:
    await put(world, Plan("default", 1_000, trial_days=7))
    await world.hold(1)
    await put(world, Plan("default", 1_000))
    world.clock.set("2026-01-25 12:00")
    assert (await world.account()).balance.status is Status.ACTIVE
