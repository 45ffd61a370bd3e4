"""The audit trail: who changed what, when, before, after and why."""

from __future__ import annotations

import psycopg
import pytest

from solaris_hooks.ledger.audit_trail import AuditFilter, AuditRecord
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import NOTHING, AccountChange
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError

from .world import ANA, BIA, World, utc

ROOT = "admin:root"


async def newest(world: World) -> AuditRecord:
    return (await world.ledger.trail.records(limit=1))[0]


async def test_making_an_account_is_written_down_whole(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(name="Ana", anchor_day=10), actor=ROOT, reason="new colleague")
    record = await newest(world)
    assert (record.action, record.account_id, record.subject) == ("account.create", ANA, ANA)
    assert (record.actor, record.at, record.reason) == (ROOT, world.clock.now, "new colleague")
    assert record.before is None
    assert record.after == {
        "plan": "default",
        "status": "active",
        "status_reason": None,
        "email": None,
        "name": "Ana",
        "locale": "pt_BR",
        "time_zone": "America/Sao_Paulo",
        "anchor_day": 10,
        "period_end": "2026-02-10T03:00:00Z",
    }


async def test_a_change_is_written_down_with_the_fields_that_changed(world: World) -> None:
    await world.plan(5, "small")
    await world.ledger.put_account(ANA, AccountChange(name="Ana", email="a@example.com"), actor=ROOT)
    change = AccountChange(plan_id="small", name="Ana", email=NOTHING, anchor_day=10)
    await world.ledger.put_account(ANA, change, actor=ROOT, reason="moved")
    record = await newest(world)
    assert record.action == "account.change"
    assert record.before == {
        "plan": "default",
        "email": "a@example.com",
        "anchor_day": 1,
        "period_end": "2026-02-01T03:00:00Z",
    }
    assert record.after == {"plan": "small", "email": None, "anchor_day": 10, "period_end": "2026-02-10T03:00:00Z"}
    assert record.reason == "moved"


async def test_what_changes_nothing_leaves_no_row(world: World) -> None:
    change = AccountChange(name="Ana", locale="en")
    for _ in range(2):
        await world.ledger.put_account(ANA, change, actor=ROOT)
    await world.hold(5)
    assert [record.action for record in await world.ledger.trail.records()] == ["account.create"]


async def test_what_is_refused_leaves_no_row(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(), actor=ROOT)
    with pytest.raises(NotFoundError):
        await world.ledger.put_account(ANA, AccountChange(plan_id="gone", name="A"), actor=ROOT)
    with pytest.raises(InvalidRequestError):
        await world.ledger.put_account(ANA, AccountChange(status=Status.BLOCKED, name="A"), actor=ROOT)
    assert [record.action for record in await world.ledger.trail.records()] == ["account.create"]


async def test_a_status_is_told_once_under_the_number_of_its_row(world: World) -> None:
    await world.hold(5)
    suspended = AccountChange(status=Status.SUSPENDED, status_reason="unpaid")
    for change in (suspended, suspended, AccountChange(status=Status.ACTIVE), suspended):
        await world.ledger.put_account(ANA, change, actor=ROOT)
    events = [event for event in await world.ledger.events(ANA) if event.kind.value.startswith("account.")]
    assert [event.kind for event in reversed(events)] == [
        EventKind.ACCOUNT_CREATED,
        EventKind.ACCOUNT_SUSPENDED,
        EventKind.ACCOUNT_REACTIVATED,
        EventKind.ACCOUNT_SUSPENDED,
    ]
    assert (events[0].details["status"], events[0].details["reason"]) == ("suspended", "unpaid")
    assert events[1].details["reason"] is None
    assert await world.ledger.take_notices(ANA) in ([], ())
    rows = await world.ledger.trail.records(AuditFilter(action="account.change"))
    assert [(row.before, row.reason) for row in rows] == [
        ({"status": "active", "status_reason": None}, "unpaid"),
        ({"status": "suspended", "status_reason": "unpaid"}, None),
        ({"status": "active", "status_reason": None}, "unpaid"),
    ]


async def test_a_block_is_told_as_a_suspension_and_waiting_is_not_told(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(status=Status.PENDING), actor=ROOT, reason="new")
    await world.ledger.put_account(ANA, AccountChange(status=Status.BLOCKED), actor=ROOT, reason="fraud")
    kinds = [event.kind for event in await world.ledger.events(ANA)]
    assert kinds == [EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_CREATED]
    (event, _) = await world.ledger.events(ANA)
    assert (event.details["status"], event.details["reason"]) == ("blocked", None), "the note is for the trail alone"


async def test_a_grant_is_written_down_once(world: World) -> None:
    await world.hold(0, 0)
    expires = utc("2026-06-01")
    for _ in range(2):
        (lot,) = (await world.grant(500, key="order-1", expires_at=expires)).lots
    (record,) = await world.ledger.trail.records()
    assert (record.action, record.account_id, record.subject) == ("credits.grant", ANA, str(lot.lot_id))
    assert (record.actor, record.reason, record.before) == (ROOT, "bought", None)
    assert record.after == {"tokens": 500, "origin": "grant", "key": "order-1", "expires_at": "2026-06-01T00:00:00Z"}


async def test_changes_are_read_newest_first_by_account_action_actor_and_time(world: World) -> None:
    for account_id, actor in ((ANA, ROOT), (BIA, ROOT), (ANA, "cli:op")):
        world.clock.wait(seconds=60)
        await world.ledger.put_account(account_id, AccountChange(name=actor), actor=actor)
    await world.grant(5)
    trail = world.ledger.trail

    async def read(**wanted: object) -> list[tuple[str | None, str, str]]:
        found = await trail.records(AuditFilter(**wanted))  # type: ignore[arg-type]
        return [(record.account_id, record.action, record.actor) for record in found]

    everything = await read()
    assert everything == [
        (ANA, "credits.grant", ROOT),
        (ANA, "account.change", "cli:op"),
        (BIA, "account.create", ROOT),
        (ANA, "account.create", ROOT),
    ]
    assert await read(account_id=BIA) == everything[2:3]
    assert await read(action="account.create") == everything[2:]
    assert await read(actor="cli:op") == everything[1:2]
    third = (await trail.records())[1]
    assert await read(since=third.at) == everything[:2]
    assert await read(before=third.number) == everything[2:]
    assert [record.number for record in await trail.records(limit=1)] == [(await trail.records())[0].number]


@pytest.mark.parametrize(
    "change", ["UPDATE solaris.audit SET actor = 'x'", "DELETE FROM solaris.audit", "TRUNCATE solaris.audit"]
)
async def test_the_trail_itself_cannot_be_changed(
    postgres_ledger: PostgresLedger, ledger_url: str, change: str
) -> None:
    await postgres_ledger.put_account(ANA, AccountChange(), actor=ROOT)
    with psycopg.connect(ledger_url) as connection, pytest.raises(psycopg.DatabaseError, match="append-only"):
        connection.execute(change.encode())
