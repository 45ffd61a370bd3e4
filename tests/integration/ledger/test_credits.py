"""Credits: granted once, used after the allowance, the earliest to expire first."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest

from solaris_hooks.ledger.records import CreditOrigin, EntryKind
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError

from .world import BIA, World, facts, utc


async def _left(world: World) -> list[tuple[int, int]]:
    """Granted and remaining tokens of each lot, in the order in which they are used."""
    return [(lot.tokens, lot.remaining) for lot in (await world.account()).lots]


async def test_credits_are_added_to_what_is_left(world: World) -> None:
    await world.hold(0, 0)
    account = await world.grant(500, key="order-1")

    assert account.balance.credits_remaining == 500
    assert account.balance.remaining == 1_000_500
    (lot,) = account.lots
    assert (lot.tokens, lot.remaining, lot.origin) == (500, 500, "grant")
    assert (lot.reason, lot.actor) == ("bought", "admin:root")
    assert (lot.created_at, lot.expires_at) == (world.clock.now, None)


async def test_a_grant_writes_one_entry(world: World) -> None:
    await world.hold(0, 0)
    expires = utc("2026-06-01")
    (lot,) = (await world.grant(500, key="order-1", origin=CreditOrigin.PURCHASE, expires_at=expires)).lots

    entry = await world.last(EntryKind.CREDIT)

    assert (entry.tokens, entry.credits_after) == (500, 500)
    assert (entry.actor, entry.reason) == ("admin:root", "bought")
    assert entry.idempotency_key == "credit:order-1"
    found = facts(entry)
    assert dt.datetime.fromisoformat(str(found.pop("expires_at"))) == expires
    assert UUID(str(found.pop("lot_id"))) == lot.lot_id
    assert found == {"origin": "purchase", "overage_repaid": 0}


async def test_credits_without_an_expiry_say_so(world: World) -> None:
    await world.hold(0, 0)
    await world.grant(500)
    assert facts(await world.last(EntryKind.CREDIT))["expires_at"] is None


async def test_the_allowance_is_used_before_credits(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.grant(50)

    await world.use(90)
    assert (await world.account()).balance.credits_remaining == 50
    await world.use(30)

    balance = (await world.account()).balance
    assert (balance.allowance_used, balance.credits_used, balance.credits_remaining) == (100, 20, 30)
    assert (await world.story())[-1] == ("usage", -30, 0, 30, 0)


async def test_lots_are_used_by_expiry_then_by_age(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    await world.grant(10)
    await world.grant(20)
    await world.grant(30, expires_at=utc("2026-09-01"))
    await world.grant(40, expires_at=utc("2026-08-01"))
    await world.grant(50, expires_at=utc("2026-08-01"))

    assert await _left(world) == [(40, 40), (50, 50), (30, 30), (10, 10), (20, 20)]
    await world.use(45)
    assert await _left(world) == [(50, 45), (30, 30), (10, 10), (20, 20)]
    await world.use(76)
    assert await _left(world) == [(10, 9), (20, 20)]
    await world.use(10)
    assert await _left(world) == [(20, 19)]


async def test_one_use_may_empty_every_lot(world: World) -> None:
    await world.plan(5)
    await world.hold(0, 0)
    await world.grant(10)
    await world.grant(20)
    result = await world.use(40)
    assert result.overage == 5
    assert await _left(world) == []


async def test_credits_outlive_the_period_and_their_use_does_not(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.grant(50)
    await world.use(120)
    world.clock.set("2026-02-02")

    balance = (await world.account()).balance

    assert (balance.credits_remaining, balance.credits_used) == (30, 0)
    assert (balance.limit, balance.used) == (130, 0)


async def test_credits_repay_what_is_owed_first(world: World) -> None:
    await world.plan(100)
    await world.use(160)

    account = await world.grant(50)

    assert (account.balance.overage, account.balance.credits_remaining) == (10, 0)
    assert account.balance.credits_used == 50
    assert account.balance.used == 160, "what was used stays used"
    assert list(account.lots) == []
    entry = await world.last(EntryKind.CREDIT)
    assert (entry.tokens, entry.credits_after, entry.overage_after) == (50, 0, 10)
    assert facts(entry)["overage_repaid"] == 50

    account = await world.grant(50)
    assert (account.balance.overage, account.balance.credits_remaining) == (0, 40)
    assert await _left(world) == [(50, 40)]


async def test_the_same_grant_again_changes_nothing(world: World) -> None:
    await world.hold(0, 0)
    expires = utc("2026-06-01")
    await world.grant(500, key="order-1", expires_at=expires)
    story = await world.story()

    again = await world.grant(500, key="order-1", expires_at=expires)

    assert again.balance.credits_remaining == 500
    assert await world.story() == story


async def test_the_same_grant_again_shows_the_account_as_it_is_now(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    await world.grant(500, key="order-1")
    await world.use(200)
    assert (await world.grant(500, key="order-1")).balance.credits_remaining == 300


async def test_the_same_grant_again_after_it_expired_is_still_a_replay(world: World) -> None:
    await world.hold(0, 0)
    expires = utc("2026-01-20")
    await world.grant(500, key="order-1", expires_at=expires)
    world.clock.set("2026-01-25")
    assert (await world.grant(500, key="order-1", expires_at=expires)).balance.credits_remaining == 0


async def test_another_grant_under_the_same_key_is_a_conflict(world: World) -> None:
    await world.hold(0, 0)
    expires = utc("2026-06-01")
    await world.grant(500, key="order-1", expires_at=expires)

    with pytest.raises(ConflictError):
        await world.grant(501, key="order-1", expires_at=expires)
    with pytest.raises(ConflictError):
        await world.grant(500, key="order-1", origin=CreditOrigin.PURCHASE, expires_at=expires)
    with pytest.raises(ConflictError):
        await world.grant(500, key="order-1")
    with pytest.raises(ConflictError):
        await world.grant(500, key="order-1", expires_at=expires + dt.timedelta(microseconds=1))

    assert (await world.account()).balance.credits_remaining == 500


async def test_a_refused_grant_leaves_no_trace(world: World) -> None:
    """Not even the renewal that was due: the next operation does it, at its own time."""
    await world.hold(0, 0)
    await world.grant(500, key="order-1")
    story = await world.story()
    world.clock.set("2026-02-02")
    with pytest.raises(ConflictError):
        await world.grant(501, key="order-1")
    assert await world.story() == story


async def test_a_key_is_one_account_s_own(world: World) -> None:
    await world.hold(0, 0)
    await world.hold(0, 0, account_id=BIA)
    await world.grant(500, key="order-1")
    assert (await world.grant(700, key="order-1", account_id=BIA)).balance.credits_remaining == 700


async def test_nobody_cannot_be_granted_credits(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.grant(5, account_id=BIA)


@pytest.mark.parametrize("tokens", [0, -1, 10**15 + 1])
async def test_a_grant_is_of_some_tokens(world: World, tokens: int) -> None:
    await world.hold(0, 0)
    with pytest.raises(InvalidRequestError):
        await world.grant(tokens)


async def test_credits_must_expire_in_the_future(world: World) -> None:
    await world.hold(0, 0)
    for expires in (world.clock.now, world.clock.now + dt.timedelta(seconds=1)):
        with pytest.raises(InvalidRequestError):
            await world.grant(5, expires_at=expires)


async def test_credits_are_there_until_the_instant_they_expire(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    expires = utc("2026-01-20 10:00")
    (lot,) = (await world.grant(50, expires_at=expires)).lots
    await world.use(20)

    world.clock.now = expires - dt.timedelta(microseconds=1)
    assert (await world.account()).balance.credits_remaining == 30

    world.clock.now = expires
    account = await world.account()
    assert (account.balance.credits_remaining, list(account.lots)) == (0, [])
    entry = await world.last(EntryKind.CREDIT_EXPIRY)
    assert (entry.tokens, entry.credits_after, entry.actor) == (-30, 0, "system")
    assert (entry.idempotency_key, entry.at) == (f"expiry:{lot.lot_id}", expires)


async def test_lots_expire_in_order_each_with_its_entry(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    await world.grant(30, expires_at=utc("2026-02-20"))
    await world.grant(20, expires_at=utc("2026-02-10"))
    await world.grant(5)
    await world.use(25)
    world.clock.set("2026-02-21")

    await world.account()

    expired = [line for line in await world.story() if line[0] == "credit_expiry"]
    assert expired == [("credit_expiry", -25, 0, 5, 0)], "an empty lot expires without a word"


async def test_several_lots_may_expire_at_once(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    await world.grant(30, expires_at=utc("2026-02-20"))
    await world.grant(20, expires_at=utc("2026-02-10"))
    await world.grant(7, expires_at=utc("2026-02-21"))
    world.clock.set("2026-02-20")

    await world.hold(0, 0)

    expired = [line for line in await world.story() if line[0] == "credit_expiry"]
    assert expired == [("credit_expiry", -20, 0, 37, 0), ("credit_expiry", -30, 0, 7, 0)]


async def test_credits_expire_under_a_hold_and_its_use_is_booked_all_the_same(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    await world.grant(50, expires_at=utc("2026-01-20"))
    hold_id = await world.held(40)
    world.clock.set("2026-01-21")

    balance = (await world.account()).balance
    assert (balance.remaining, balance.held, balance.available) == (0, 40, 0)

    assert (await world.settle(hold_id, 40)).overage == 40
    assert (await world.account()).balance.held == 0


async def test_a_renewal_comes_before_the_expiry_of_credits(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.grant(50, expires_at=utc("2026-01-20"))
    world.clock.set("2026-02-02")
    await world.account()
    assert [kind for kind, *_ in await world.story()] == [
        "opening",
        "credit",
        "lapse",
        "renewal",
        "credit_expiry",
    ]
