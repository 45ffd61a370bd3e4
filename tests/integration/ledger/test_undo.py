"""Changes changed back, once, and only where nothing changed since."""

from __future__ import annotations

import pytest

from solaris_hooks.ledger.account_actions import PreferenceChange, Preferences, Reset
from solaris_hooks.ledger.account_terms import PlanChange
from solaris_hooks.ledger.audit_trail import AuditFilter, AuditRecord
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Plan
from solaris_hooks.ledger.undo import UndoAction, UndoKind, undo_of
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError

from .world import ANA, Clock, World


@pytest.fixture
async def world(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    made = World(postgres_ledger, clock)
    await made.ledger.put_plan(Plan("pro", 5000), actor="admin:root")
    await made.hold(0, 0)
    return made


async def last(world: World) -> AuditRecord:
    return (await world.ledger.trail.records(AuditFilter(account_id=ANA)))[0]


async def undo(world: World, record: AuditRecord) -> AuditRecord:
    assert isinstance(world.ledger, PostgresLedger)
    assert undo_of(record) is not None
    number = await world.ledger.undoing.undo(record.number, reason="a mistake", actor="admin:eva")
    after = await last(world)
    assert (after.number, after.undoes, after.actor, after.reason) == (number, record.number, "admin:eva", "a mistake")
    return after


async def test_a_suspension_and_its_undoing(world: World) -> None:
    change = AccountChange(status=Status.SUSPENDED, status_reason="invoice due", name="Ana")
    await world.ledger.put_account(ANA, change, actor="admin:root")
    record = await last(world)
    assert undo_of(record) == UndoAction(UndoKind.RESTORE, {"status": "active", "status_reason": None, "name": None})
    undone = await undo(world, record)
    account = await world.account()
    assert (account.balance.status, account.name) == (Status.ACTIVE, None)
    assert (await world.ledger.trail.records(AuditFilter(account_id=ANA)))[1].undone_by == undone.number
    again = await undo(world, undone)  # what was undone can be done again
    assert (again.after or {})["status_reason"] == "invoice due"
    balance = (await world.account()).balance
    assert (balance.status, balance.status_reason) == (Status.SUSPENDED, "invoice due")


async def test_nothing_is_undone_twice_or_after_it_changed_again(world: World) -> None:
    assert isinstance(world.ledger, PostgresLedger)
    await world.ledger.put_account(ANA, AccountChange(name="Ana"), actor="admin:root")
    first = await last(world)
    await world.ledger.put_account(ANA, AccountChange(name="Ana Souza"), actor="admin:root")
    with pytest.raises(ConflictError, match="has changed since"):
        await undo(world, first)
    await undo(world, await last(world))
    await undo(world, first)
    assert (await world.account()).name is None
    with pytest.raises(ConflictError, match="was undone"):
        await world.ledger.undoing.undo(first.number, reason="r", actor="a")


async def test_a_plan_goes_back(world: World) -> None:
    await world.ledger.terms.change_plan(PlanChange(ANA, "pro", "admin:root", reason="r"))
    record = await last(world)
    assert undo_of(record) == UndoAction(UndoKind.PLAN, {"plan": "default"})
    await undo(world, record)
    balance = (await world.account()).balance
    assert (balance.plan_id, balance.allowance_granted) == ("default", 1_000_000)
    await world.ledger.put_account(ANA, AccountChange(plan_id="pro"), actor="admin:root")
    await undo(world, await last(world))
    assert (await world.account()).balance.plan_id == "default"


async def test_a_plan_that_waits_for_the_renewal_waits_no_longer(world: World) -> None:
    await world.ledger.terms.change_plan(PlanChange(ANA, "pro", "admin:root", at_renewal=True, reason="r"))
    record = await last(world)
    await undo(world, record)
    assert (await world.account()).standing.scheduled is None


async def test_what_is_unused_of_credits_goes_back(world: World) -> None:
    await world.plan(0)
    await world.grant(100)
    record = await last(world)
    await world.use(30)
    assert undo_of(record) == UndoAction(UndoKind.REVOKE)
    await undo(world, record)
    assert (await world.account()).balance.credits_remaining == 0
    await world.grant(10)
    record = await last(world)
    await world.use(10)
    with pytest.raises(ConflictError, match="nothing of these credits"):
        await undo(world, record)
    assert (await world.ledger.verify()).flaws == ()


async def test_preferences_go_back(world: World) -> None:
    await world.ledger.actions.set_preferences(PreferenceChange(ANA, ANA, locale="en", chat_notices=False))
    await undo(world, await last(world))
    assert await world.ledger.actions.preferences(ANA) == Preferences("pt_BR", mails=True, chat_notices=True)


async def test_what_cannot_be_undone_is_refused(world: World) -> None:
    assert isinstance(world.ledger, PostgresLedger)
    undoing = world.ledger.undoing
    await world.use(5)
    await world.ledger.actions.reset(Reset(ANA, "r", "admin:root", "k"))
    await world.ledger.put_account(ANA, AccountChange(time_zone="Europe/Lisbon"), actor="admin:root")
    for record in await world.ledger.trail.records(AuditFilter(account_id=ANA)):
        assert undo_of(record) is None
        with pytest.raises(InvalidRequestError):
            await undoing.undo(record.number, reason="r", actor="a")
    with pytest.raises(NotFoundError):
        await undoing.undo(10**9, reason="r", actor="a")
