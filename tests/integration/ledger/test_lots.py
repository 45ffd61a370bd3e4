"""Credit lots: listed whole, taken back as far as nobody needs them, expired in the background."""

from __future__ import annotations

from uuid import UUID

import pytest

from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.credit_lots import Revocation, RevocationResult
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.records import EntryKind
from solaris_hooks.quota.errors import ConflictError, NotFoundError
from solaris_hooks.quota.ids import AccountId

from .world import ANA, BIA, World, facts, utc


async def granted(world: World, tokens: int, expires: str | None = None, *, account_id: AccountId = ANA) -> UUID:
    """The id of a new lot."""
    expires_at = utc(expires) if expires else None
    await world.grant(tokens, account_id=account_id, expires_at=expires_at)
    return (await world.ledger.lots.all(account_id, limit=1))[0].lot_id


async def revoke(world: World, lot_id: UUID, key: str = "k", account_id: AccountId = ANA) -> RevocationResult:
    return await world.ledger.lots.revoke(Revocation(account_id, lot_id, "mistake", "admin:root", key))


async def test_what_is_unused_of_a_lot_is_taken_back(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    lot_id = await granted(world, 100)
    await granted(world, 40)
    await world.use(30)

    assert await revoke(world, lot_id) == RevocationResult(70, replayed=False)

    balance = (await world.account()).balance
    assert (balance.credits_remaining, balance.credits_used) == (40, 30)
    entry = await world.last(EntryKind.CREDIT_REVOCATION)
    assert (entry.tokens, entry.credits_after, entry.actor, entry.reason) == (-70, 40, "admin:root", "mistake")
    assert (entry.idempotency_key, facts(entry)) == ("revocation:k", {"lot_id": str(lot_id)})
    event = (await world.ledger.events(ANA))[0]
    assert (event.kind, event.details["tokens"], event.details["reason"]) == (
        EventKind.CREDIT_REVOKED,
        70,
        "mistake",
    )
    (record,) = await world.ledger.trail.records(AuditFilter(action="credits.revoke"))
    assert (record.subject, record.before, record.after) == (str(lot_id), {"remaining": 70}, {"remaining": 0})


async def test_a_lot_is_taken_back_once_for_each_key(world: World) -> None:
    await world.hold(0, 0)
    lot_id, other = await granted(world, 100), await granted(world, 5)
    await revoke(world, lot_id)
    story = await world.story()
    assert await revoke(world, lot_id) == RevocationResult(100, replayed=True)
    with pytest.raises(ConflictError):
        await revoke(world, other)
    assert await world.story() == story


async def test_what_requests_hold_is_left_and_can_be_taken_later(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    lot_id = await granted(world, 100)
    hold_id = await world.held(80)

    assert (await revoke(world, lot_id)).tokens == 20
    assert (await revoke(world, lot_id, "again")).tokens == 0
    assert (await world.account()).balance.available == 0
    assert (await world.settle(hold_id, 80)).overage == 0, "what was held could be used"

    lot_id = await granted(world, 50)
    hold_id = await world.held(50)
    assert (await revoke(world, lot_id, "third")).tokens == 0
    await world.ledger.release(ANA, hold_id)
    assert (await revoke(world, lot_id, "third")).tokens == 50, "a key that took nothing can be used again"


async def test_a_lot_that_is_used_up_or_expired_gives_nothing(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    used, old = await granted(world, 10), await granted(world, 10, "2026-01-20")
    await world.use(20)
    assert (await revoke(world, used)).tokens == 0
    old = await granted(world, 10, "2026-01-20")
    world.clock.set("2026-01-21")
    assert (await revoke(world, old)).tokens == 0
    assert "credit_revocation" not in {kind for kind, *_ in await world.story()}


async def test_lots_of_nobody_and_of_others_cannot_be_taken_back(world: World) -> None:
    await world.hold(0, 0)
    lot_id = await granted(world, 100)
    with pytest.raises(NotFoundError):
        await revoke(world, lot_id, account_id=BIA)
    await world.hold(0, 0, account_id=BIA)
    with pytest.raises(NotFoundError):
        await revoke(world, lot_id, account_id=BIA)
    with pytest.raises(NotFoundError):
        await revoke(world, UUID(int=1))


async def test_lots_are_listed_with_those_used_up_a_page_at_a_time(world: World) -> None:
    await world.plan(0)
    await world.hold(0, 0)
    for tokens in (10, 20, 30):
        await granted(world, tokens)
    await world.use(15)
    lots = world.ledger.lots
    everything = await lots.all(ANA)
    assert [(lot.tokens, lot.remaining) for lot in everything] == [(30, 30), (20, 15), (10, 0)]
    page = await lots.all(ANA, limit=2)
    assert [*page, *await lots.all(ANA, limit=2, before=page[-1].lot_id)] == list(everything)
    assert list(await lots.all(BIA)) == []


async def test_lots_expire_without_anybody_looking(world: World) -> None:
    for account_id in (ANA, BIA):
        await world.hold(0, 0, account_id=account_id)
    await granted(world, 10, "2026-01-22")
    await granted(world, 20, "2026-01-20", account_id=BIA)
    await granted(world, 30, "2026-01-28")
    lots = world.ledger.lots
    world.clock.set("2026-01-19")
    assert await lots.expire_due(limit=10) == 0
    world.clock.set("2026-01-23")
    assert await lots.expire_due(limit=1) == 1
    assert [entry.kind for entry in await world.entries(BIA)][-1] is EntryKind.CREDIT_EXPIRY, "the first due, first"
    assert await lots.expire_due(limit=10) == 1
    assert await lots.expire_due(limit=10) == 0
    assert [line for line in await world.story() if line[0] == "credit_expiry"] == [
        ("credit_expiry", -10, 1_000_000, 30, 0)
    ]
