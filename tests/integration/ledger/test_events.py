"""Events: each happens once, with the figures of its moment, in the transaction of what it tells of."""

from __future__ import annotations

from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.records import CreditOrigin, Plan

from .world import ANA, BIA, World


async def story(world: World) -> list[tuple[str, object]]:
    """Kinds of Ana's events with the threshold that each tells of, oldest first."""
    found = await world.ledger.events(ANA)
    return [(event.kind.value, event.details.get("threshold")) for event in reversed(found)]


async def newest(world: World) -> Event:
    """The event that happened last."""
    return (await world.ledger.events(ANA))[0]


async def test_an_account_is_created_once(world: World) -> None:
    await world.hold(email="ana@example.org")
    await world.use(5)
    assert await story(world) == [("account.created", None)]
    assert (await newest(world)).details["email"] == "ana@example.org"


async def test_thresholds_are_announced_once_each(world: World) -> None:
    await world.plan(1000)
    for charge in (799, 1, 50, 100, 49, 1, 30):
        await world.use(charge)
    assert await story(world) == [
        ("account.created", None),
        ("threshold.crossed", 80),
        ("threshold.crossed", 95),
        ("quota.exhausted", 100),
    ]


async def test_an_event_says_the_figures_of_its_moment(world: World) -> None:
    await world.plan(1000)
    await world.use(850)
    event = await newest(world)
    await world.use(20)
    assert event.kind is EventKind.THRESHOLD_CROSSED
    assert (event.account_id, event.at) == (ANA, world.clock.now)
    assert event.details == {
        "plan": "default",
        "granted": 1000,
        "used": 850,
        "remaining": 150,
        "credits": 0,
        "overage": 0,
        "percent": 85,
        "period_start": "2026-01-01T03:00:00Z",
        "period_end": "2026-02-01T03:00:00Z",
        "threshold": 80,
        "crossed": [80],
    }


async def test_a_leap_over_several_thresholds_is_one_event(world: World) -> None:
    await world.plan(1000)
    await world.use(990)
    assert await story(world) == [("account.created", None), ("threshold.crossed", 95)]
    assert (await newest(world)).details["crossed"] == [80, 95]


async def test_a_replayed_settlement_announces_nothing(world: World) -> None:
    await world.plan(1000)
    hold_id = await world.held(500)
    first = await world.settle(hold_id, 850)
    again = await world.settle(hold_id, 850)
    assert (first.unread_notices, again.unread_notices) == (1, 1)
    assert len(await story(world)) == 2


async def test_a_renewal_rearms_all_thresholds(world: World) -> None:
    await world.plan(1000)
    await world.use(990)
    world.clock.set("2026-02-03 12:00")
    await world.use(810)
    assert await story(world) == [
        ("account.created", None),
        ("threshold.crossed", 95),
        ("period.renewed", None),
        ("threshold.crossed", 80),
    ]


async def test_a_renewal_says_what_was_used_before(world: World) -> None:
    await world.plan(1000)
    await world.use(1200)
    world.clock.set("2026-02-03 12:00")
    await world.account()
    details = (await newest(world)).details
    assert (details["used_before"], details["overage_repaid"], details["used"]) == (1200, 200, 200)


async def test_what_is_owed_from_before_counts_towards_thresholds(world: World) -> None:
    await world.plan(1000)
    await world.use(1900)
    world.clock.set("2026-02-03 12:00")
    await world.use(1)
    assert (await story(world))[-1] == ("threshold.crossed", 80)


async def test_credits_rearm_the_thresholds_that_they_undo(world: World) -> None:
    await world.plan(1000)
    await world.use(960)
    await world.grant(130)  # 960 of 1,130: 84 percent, so 80 stays announced
    await world.use(50)
    assert (await story(world))[1:] == [("threshold.crossed", 95), ("credit.granted", None)]
    await world.use(70)
    assert (await story(world))[-1] == ("threshold.crossed", 95)


async def test_a_larger_plan_rearms_too(world: World) -> None:
    await world.plan(1000)
    await world.use(960)
    await world.plan(10_000)
    await world.use(7_100)
    assert (await story(world))[-2:] == [("threshold.crossed", 95), ("threshold.crossed", 80)]


async def test_thresholds_are_the_plans(world: World) -> None:
    await world.ledger.put_plan(Plan("default", 1000, (50,)), actor="admin:root")
    await world.use(990)
    await world.use(10)
    assert await story(world) == [("account.created", None), ("threshold.crossed", 50)]


async def test_a_plan_without_thresholds_announces_nothing(world: World) -> None:
    await world.ledger.put_plan(Plan("default", 1000, ()), actor="admin:root")
    assert (await world.use(2000)).unread_notices == 0


async def test_a_grant_says_where_its_credits_come_from(world: World) -> None:
    await world.use(1)
    account = await world.grant(500, origin=CreditOrigin("bonus"))
    event = await newest(world)
    assert event.kind is EventKind.CREDIT_GRANTED
    assert event.details["lot_id"] == str(account.lots[0].lot_id)
    assert (event.details["tokens"], event.details["origin"], event.details["expires_at"]) == (500, "bonus", None)


async def test_a_repeated_grant_is_one_event(world: World) -> None:
    await world.use(1)
    await world.grant(500, key="once")
    await world.grant(500, key="once")
    assert [kind for kind, _ in await story(world)] == ["account.created", "credit.granted"]


async def test_the_chat_is_told_each_event_once_in_order(world: World) -> None:
    await world.plan(1000)
    await world.use(850)
    result = await world.use(1)
    await world.grant(1)
    taken = await world.ledger.take_notices(ANA)
    assert result.unread_notices == 1
    assert [event.kind.value for event in taken] == ["threshold.crossed", "credit.granted"]
    assert await world.ledger.take_notices(ANA) == []
    assert (await world.use(1)).unread_notices == 0


async def test_what_could_not_be_told_is_told_again_once(world: World) -> None:
    await world.plan(1000)
    await world.use(850)
    await world.grant(1)
    taken = await world.ledger.take_notices(ANA)
    assert await world.ledger.give_back_notices(ANA, [taken[0].number]) == 1
    assert await world.ledger.give_back_notices(BIA, [taken[1].number]) == 0
    assert (await world.use(1)).unread_notices == 1
    assert await world.ledger.take_notices(ANA) == taken[:1]
    assert (await world.use(1)).unread_notices == 0


async def test_credits_that_were_asked_for_are_told_with_the_answer_to_the_request(world: World) -> None:
    await world.use(1)
    await world.grant(1, origin=CreditOrigin("request"))
    assert list(await world.ledger.take_notices(ANA)) == []


async def test_old_thresholds_are_not_told_in_a_new_period(world: World) -> None:
    await world.plan(1000)
    await world.use(850)
    await world.grant(5)
    world.clock.set("2026-02-03 12:00")
    await world.account()
    world.clock.set("2026-03-03 12:00")
    await world.account()
    taken = await world.ledger.take_notices(ANA)
    assert [event.kind.value for event in taken] == ["credit.granted", "period.renewed"]


async def test_events_are_listed_newest_first_and_by_pages(world: World) -> None:
    await world.use(1)
    await world.use(1, account_id=BIA)
    everything = await world.ledger.events()
    assert [event.account_id for event in everything] == [BIA, ANA]
    assert [e.account_id for e in await world.ledger.events(before=everything[0].number)] == [ANA]
    assert len(await world.ledger.events(limit=1)) == 1
