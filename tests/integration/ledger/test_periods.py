"""Periods: the allowance renews on the anchor day, in the account's own time zone."""

from __future__ import annotations

import datetime as dt

import pytest

from solaris_hooks.ledger.records import EntryKind, NewAccount
from solaris_hooks.quota.period import Period

from .world import World, facts, utc


async def test_the_first_period_is_the_running_one(world: World) -> None:
    balance = (await world.hold()).balance
    assert balance is not None
    assert balance.period == Period(utc("2026-01-01 03:00"), utc("2026-02-01 03:00"))
    assert balance.allowance_granted == 1_000_000
    (opening,) = await world.entries()
    assert (opening.kind, opening.number, opening.actor) == (EntryKind.OPENING, 1, "system")
    assert (opening.idempotency_key, opening.at) == ("opening", world.clock.now)


async def test_a_period_lasts_until_the_instant_it_ends(world: World) -> None:
    await world.use(10)
    world.clock.set("2026-02-01 02:59:59.999999")
    assert (await world.account()).balance.allowance_used == 10
    world.clock.set("2026-02-01 03:00")
    balance = (await world.account()).balance
    assert balance.allowance_used == 0
    assert balance.period == Period(utc("2026-02-01 03:00"), utc("2026-03-01 03:00"))


async def test_unused_allowance_lapses_and_a_new_one_is_granted(world: World) -> None:
    await world.plan(1_000)
    await world.use(300)
    world.clock.set("2026-02-01 03:00")
    await world.account()

    assert (await world.story())[-2:] == [("lapse", -700, 0, 0, 0), ("renewal", 1_000, 1_000, 0, 0)]
    start = int(utc("2026-02-01 03:00").timestamp())
    lapse, renewal = (await world.entries())[-2:]
    assert (lapse.idempotency_key, renewal.idempotency_key) == (f"lapse:{start}", f"renewal:{start}")
    assert (lapse.actor, renewal.actor) == ("system", "system")
    assert facts(renewal) == {"granted": 1_000, "overage_repaid": 0}


async def test_an_allowance_that_is_used_up_does_not_lapse(world: World) -> None:
    await world.plan(1_000)
    await world.use(1_000)
    world.clock.set("2026-02-01 03:00")
    await world.account()
    assert [kind for kind, *_ in await world.story()] == ["opening", "usage", "renewal"]


async def test_months_without_a_call_are_skipped(world: World) -> None:
    await world.plan(1_000)
    await world.use(300)
    world.clock.set("2026-07-20")

    balance = (await world.account()).balance

    assert balance.period == Period(utc("2026-07-01 03:00"), utc("2026-08-01 03:00"))
    assert [kind for kind, *_ in await world.story()] == ["opening", "usage", "lapse", "renewal"]
    start = int(utc("2026-07-01 03:00").timestamp())
    assert (await world.last(EntryKind.RENEWAL)).idempotency_key == f"renewal:{start}"


async def test_a_renewal_happens_once(world: World) -> None:
    await world.use(300)
    world.clock.set("2026-02-10")
    for _ in range(3):
        await world.account()
        await world.hold()
    assert [kind for kind, *_ in await world.story()].count("renewal") == 1


async def test_what_is_held_stays_held_over_a_renewal(world: World) -> None:
    await world.plan(1_000)
    hold_id = await world.held(400)
    world.clock.set("2026-02-10")
    balance = (await world.account()).balance
    assert (balance.held, balance.available) == (400, 600)

    await world.settle(hold_id, 350)

    balance = (await world.account()).balance
    assert (balance.held, balance.allowance_used) == (0, 350), "it is booked when it ends"


async def test_a_renewal_repays_what_is_owed(world: World) -> None:
    await world.plan(1_000)
    await world.use(1_250)
    world.clock.set("2026-02-10")

    balance = (await world.account()).balance

    assert (balance.overage, balance.allowance_used, balance.remaining) == (0, 250, 750)
    assert (await world.story())[-1] == ("renewal", 1_000, 750, 0, 0)
    assert facts(await world.last(EntryKind.RENEWAL)) == {"granted": 1_000, "overage_repaid": 250}


async def test_a_debt_greater_than_the_allowance_takes_several_renewals(world: World) -> None:
    await world.plan(1_000)
    await world.use(3_500)
    for month, (used, overage) in {2: (1_000, 1_500), 3: (1_000, 500), 4: (500, 0)}.items():
        world.clock.now = utc(f"2026-0{month}-10")
        balance = (await world.account()).balance
        assert (balance.allowance_used, balance.overage) == (used, overage)
    assert [line for line in await world.story() if line[0] == "lapse"] == []


async def test_a_renewal_grants_what_the_plan_says_then(world: World) -> None:
    await world.plan(1_000)
    await world.use(1)
    await world.plan(5_000)
    world.clock.set("2026-02-10")
    assert (await world.account()).balance.allowance_granted == 5_000
    assert [kind for kind, *_ in await world.story()] == ["opening", "usage", "lapse", "renewal"]


async def test_a_plan_of_nothing_renews_nothing_and_says_so(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    world.clock.set("2026-02-10")
    await world.account()
    assert await world.story() == [("opening", 0, 0, 0, 0), ("renewal", 0, 0, 0, 0)]


@pytest.mark.parametrize("operation", ["hold", "settle", "release", "account", "accounts", "grant", "put"])
async def test_every_operation_on_an_account_renews_it(world: World, operation: str) -> None:
    hold_id = await world.held(5)
    world.clock.set("2026-02-10")
    match operation:
        case "hold":
            await world.hold()
        case "settle":
            await world.settle(hold_id, 3)
        case "release":
            await world.ledger.release((await world.ledger.holds())[0].account_id, hold_id)
        case "accounts":
            (account,) = (await world.ledger.accounts()).accounts
            assert account.balance.period.start == utc("2026-02-01 03:00")
        case "grant":
            await world.grant(5)
        case _:
            await world.account()
    assert "renewal" in [kind for kind, *_ in await world.story()]


@pytest.mark.parametrize("outcome", ["inactive", "tight"])
async def test_a_refused_request_renews_the_account_too(world: World, outcome: str) -> None:
    await world.plan(10)
    await world.use(10)
    world.clock.set("2026-02-10")
    await world.hold(want=500, minimum=500 if outcome == "tight" else 1)
    assert (await world.story())[-1] == ("renewal", 10, 10, 0, 0)


@pytest.mark.parametrize(
    ("zone", "anchor_day", "at", "start", "end"),
    [
        # Midnight was skipped: clocks went from 00:00 to 01:00, and the day began then.
        ("America/Sao_Paulo", 4, "2018-11-10", "2018-11-04 03:00", "2018-12-04 02:00"),
        # The day before was 25 hours long; midnight came once.
        ("America/Sao_Paulo", 18, "2018-03-01", "2018-02-18 03:00", "2018-03-18 03:00"),
        ("America/Sao_Paulo", 1, "2026-01-15", "2026-01-01 03:00", "2026-02-01 03:00"),
        # Summer time within the period: its ends lie at different hours of UTC.
        ("Europe/Lisbon", 1, "2026-03-10", "2026-03-01 00:00", "2026-03-31 23:00"),
        ("Europe/Lisbon", 29, "2026-03-29 12:00", "2026-03-29 00:00", "2026-04-28 23:00"),
        ("Europe/Lisbon", 1, "2026-10-20", "2026-09-30 23:00", "2026-11-01 00:00"),
        # Clocks go forward at midnight on a Friday, and back at midnight after a Thursday.
        ("Africa/Cairo", 24, "2026-05-01", "2026-04-23 22:00", "2026-05-23 21:00"),
        ("Africa/Cairo", 30, "2026-11-01", "2026-10-29 22:00", "2026-11-29 22:00"),
        # Midnight came twice; the day began with the first.
        ("America/Havana", 1, "2026-11-10", "2026-11-01 04:00", "2026-12-01 05:00"),
        ("Atlantic/Azores", 25, "2026-10-26", "2026-10-25 00:00", "2026-11-25 01:00"),
        ("Asia/Kathmandu", 15, "2026-01-15 12:00", "2026-01-14 18:15", "2026-02-14 18:15"),
        ("UTC", 1, "2026-12-31 23:59:59", "2026-12-01", "2027-01-01"),
    ],
)
async def test_a_period_begins_at_local_midnight(
    world: World, zone: str, anchor_day: int, at: str, start: str, end: str
) -> None:
    world.clock.set(at)
    balance = (await world.hold(new_account=NewAccount(time_zone=zone, anchor_day=anchor_day))).balance
    assert balance is not None
    assert balance.period == Period(utc(start), utc(end))


async def test_an_anchor_on_the_31st_is_the_last_day_of_shorter_months(world: World) -> None:
    world.clock.set("2026-01-31 12:00")
    await world.hold(new_account=NewAccount(time_zone="UTC", anchor_day=31))
    ends = []
    for _ in range(6):
        end = (await world.account()).balance.period.end
        ends.append(end.date().isoformat())
        world.clock.now = end
    assert ends == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31"]


async def test_an_anchor_on_the_30th_falls_on_the_leap_day(world: World) -> None:
    world.clock.set("2028-02-10")
    balance = (await world.hold(new_account=NewAccount(time_zone="UTC", anchor_day=30))).balance
    assert balance is not None
    assert balance.period == Period(utc("2028-01-30"), utc("2028-02-29"))


async def test_the_local_day_of_use_follows_summer_time(world: World) -> None:
    world.clock.set("2026-07-01 23:30")
    await world.hold(new_account=NewAccount(time_zone="Europe/Lisbon"))
    await world.use(5)
    day = dt.date(2026, 7, 2)
    (total,) = await world.ledger.daily_usage((await world.account()).balance.account_id, since=day, until=day)
    assert total.charge == 5
