"""The same done to many accounts: never half done in silence."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

import pytest

from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.batches import Action, ActionKind, Batch, CalledAs, Order, Preview, Selection
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Plan
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId
from tests.integration.rolling_up import roll_up

from .world import ANA, BIA, Clock, World

NOBODY = AccountId("user:none")
CREDITS = Order("b1", Action(ActionKind.CREDITS, tokens=50), Selection([BIA, ANA, NOBODY]), "our failure", "admin:root")


@pytest.fixture
async def world(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    made = World(postgres_ledger, clock)
    await made.ledger.put_plan(Plan("pro", 5000), actor="admin:root")
    for each in (ANA, BIA):
        await made.hold(0, 0, account_id=each)
    return made


def books(world: World) -> PostgresLedger:
    assert isinstance(world.ledger, PostgresLedger)
    return world.ledger


async def run(world: World, order: Order, *, seconds: float = 20) -> Batch:
    return await books(world).batches.run(order, seconds=seconds)


async def test_credits_for_many_and_what_came_of_each(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(name="Ana", email="ana@example.org"), actor="admin:root")
    names = {ANA: CalledAs("Ana", "ana@example.org"), BIA: CalledAs()}
    assert await books(world).batches.preview(CREDITS) == Preview(2, 2, [NOBODY], 100, [ANA, BIA], [], names)
    batch = await run(world, CREDITS)
    assert (batch.outcomes, batch.complete) == ({"done": 2, "failed": 1}, True)
    items = await books(world).batches.items(batch.batch_id)
    assert [(each.account_id, each.outcome, each.message) for each in items] == [
        (ANA, "done", None),
        (BIA, "done", None),
        (NOBODY, "failed", "There is no such account."),
    ]
    assert [(await world.account(each)).balance.credits_remaining for each in (ANA, BIA)] == [50, 50]
    assert (await world.ledger.verify()).flaws == ()


async def test_all_that_a_batch_changes_is_audited_under_its_id(world: World) -> None:
    batch = await run(world, CREDITS)
    records = await world.ledger.trail.records(AuditFilter(batch_id=batch.batch_id))
    assert (records[-1].action, records[-1].account_id) == ("batch.begin", None)
    assert {(each.action, each.account_id) for each in records[:-1]} == {
        ("credits.grant", ANA),
        ("credits.grant", BIA),
    }
    await world.grant(1)
    assert (await world.ledger.trail.records(AuditFilter(action="credits.grant")))[0].batch_id is None


async def test_a_batch_that_was_cut_short_is_completed_by_the_same_key(world: World) -> None:
    first = await run(world, CREDITS, seconds=0)
    assert (sum(first.outcomes.values()), first.outcomes["waiting"], first.complete) == (3, 2, False)
    again = await run(world, CREDITS)
    assert (again.batch_id, again.outcomes) == (first.batch_id, {"done": 2, "failed": 1})
    assert await run(world, CREDITS) == again
    assert [(await world.account(each)).balance.credits_remaining for each in (ANA, BIA)] == [50, 50]
    for other in (
        replace(CREDITS, reason="x"),
        replace(CREDITS, action=Action(ActionKind.CREDITS, tokens=1)),
        replace(CREDITS, selection=Selection([ANA])),
    ):
        with pytest.raises(ConflictError):
            await run(world, other)


async def test_a_filter_finds_accounts_when_the_batch_begins(world: World) -> None:
    order = Order("p", Action(ActionKind.PLAN, plan="pro"), Selection(query="USER:A"), "promotion", "admin:root")
    assert (await run(world, order)).outcomes == {"done": 1}
    await world.hold(0, 0, account_id=AccountId("user:anton"))
    assert (await run(world, order)).outcomes == {"done": 1}
    assert [(await world.account(each)).balance.plan_id for each in (ANA, BIA)] == ["pro", "default"]
    everybody = replace(order, key="all", selection=Selection(plan="default"))
    assert (await run(world, everybody)).outcomes == {"done": 2}
    assert (await run(world, replace(order, key="again", selection=Selection()))).outcomes == {"unchanged": 3}


async def test_a_filter_finds_by_use_and_by_when_somebody_was_seen(world: World) -> None:
    await world.use((await world.account(ANA)).balance.limit, account_id=ANA)
    world.clock.wait(seconds=1)
    await roll_up(books(world), now=world.clock())
    now = world.clock()
    assert now is not None
    for selection, found in (
        (Selection(query="user:", state=State.EXHAUSTED), [ANA]),
        (Selection(query="user:", state=State.NORMAL), [BIA]),
        (Selection(query="user:", used_after=now - dt.timedelta(days=1)), [ANA]),
        (Selection(query="user:", used_before=now - dt.timedelta(days=1)), [BIA]),
    ):
        assert (await books(world).batches.preview(replace(CREDITS, selection=selection))).first == found
    order = replace(CREDITS, key="f", selection=Selection(state=State.EXHAUSTED, used_before=now))
    assert (await run(world, order)).batch_id == (await run(world, order)).batch_id


async def test_a_preview_names_those_that_stay_as_they_are(world: World) -> None:
    order = Order("s", Action(ActionKind.REACTIVATE), Selection([ANA, BIA]), "paid", "admin:root")
    preview = await books(world).batches.preview(order)
    assert (preview.changing, preview.unchanged) == (0, [ANA, BIA])


async def test_whoever_goes_on_with_a_batch_does_what_is_left(world: World) -> None:
    begun = await run(world, CREDITS, seconds=0)
    assert not begun.complete
    done = await books(world).batches.go_on(begun.batch_id, actor="admin:other")
    assert (done.batch_id, done.outcomes) == (begun.batch_id, {"done": 2, "failed": 1})
    with pytest.raises(NotFoundError):
        await books(world).batches.go_on(UUID(int=0), actor="admin:other")


async def test_accounts_are_suspended_and_reactivated_together(world: World) -> None:
    await world.ledger.put_account(BIA, AccountChange(status=Status.BLOCKED, status_reason="fraud"), actor="admin:root")
    both = Selection([ANA, BIA])
    suspend = Order("s", Action(ActionKind.SUSPEND, status_reason="invoice due"), both, "unpaid", "admin:root")
    assert (await run(world, suspend)).outcomes == {"done": 1, "unchanged": 1}
    balance = (await world.account()).balance
    assert (balance.status, balance.status_reason) == (Status.SUSPENDED, "invoice due")
    back = Order("r", Action(ActionKind.REACTIVATE), both, "paid", "admin:root")
    assert (await books(world).batches.preview(back)).changing == 1
    assert (await run(world, back)).outcomes == {"done": 1, "unchanged": 1}
    assert (await world.account(BIA)).balance.status is Status.BLOCKED


async def test_a_message_to_many_tells_who_was_not_reached(world: World) -> None:
    action = Action(ActionKind.MESSAGE, text="Olá", chat=False, mail=True)
    await world.ledger.put_account(ANA, AccountChange(email="ana@example.org"), actor="admin:root")
    order = Order("m", action, Selection([ANA, BIA]), "news", "admin:root")
    assert (await books(world).batches.preview(order)).first == [ANA]
    assert (await run(world, order)).outcomes == {"done": 1, "unreachable": 1}


async def test_use_of_many_is_set_back(world: World) -> None:
    await world.use(30)
    order = Order("z", Action(ActionKind.RESET), Selection([ANA, BIA]), "our failure", "admin:root")
    preview = await books(world).batches.preview(order)
    assert (preview.first, preview.unchanged) == ([ANA], [BIA])
    assert (await run(world, order)).outcomes == {"done": 1, "unchanged": 1}
    assert (await world.account()).balance.used == 0


async def test_what_cannot_be_is_refused_before_anything_is_done(world: World) -> None:
    for order, error in (
        (replace(CREDITS, action=Action(ActionKind.CREDITS)), InvalidRequestError),
        (replace(CREDITS, action=Action(ActionKind.CREDITS, tokens=0)), InvalidRequestError),
        (replace(CREDITS, action=Action(ActionKind.PLAN, plan="gone")), NotFoundError),
        (replace(CREDITS, selection=Selection([])), InvalidRequestError),
        (replace(CREDITS, selection=Selection([ANA] * 1001)), InvalidRequestError),
    ):
        with pytest.raises(error):
            await run(world, order)
    assert await books(world).batches.all() == []
    with pytest.raises(NotFoundError):
        await books(world).batches.get(UUID(int=1))
