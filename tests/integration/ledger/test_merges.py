"""Two accounts become one: nothing is lost, nothing is doubled, and requests in flight end where they began."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solaris_hooks.ledger.account_actions import Reset
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.credit_requests import NewCreditRequest
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.merges import Merge, MergeResult, Moved
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, EndUser, EntryKind, HoldOutcome
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id

from .conftest import empty
from .world import ANA, BIA, RUI, TEAM, Clock, World, utc

KEY = AccountId("key:abc")
PEOPLE = (ANA, BIA, KEY)


@pytest.fixture
async def world(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    made = World(postgres_ledger, clock)
    await made.plan(100)
    await made.hold(0, 0)
    await made.hold(0, 0, account_id=BIA)
    return made


def books(world: World) -> PostgresLedger:
    assert isinstance(world.ledger, PostgresLedger)
    return world.ledger


async def merge(
    world: World,
    source: AccountId = BIA,
    target: AccountId = ANA,
    *,
    key: str = "m",
    move_use: bool = False,
    dry: bool = False,
) -> MergeResult:
    wanted = Merge(source, target, "the same person", "admin:root", key, move_use=move_use)
    return await books(world).merges.merge(wanted, dry_run=dry)


def moved(**figures: int) -> Moved:
    return Moved(
        **({"credits": 0, "overage": 0, "used": 0, "lapsed": 0, "held": 0, "kept_credits": 0, "requests": 0} | figures)
    )


async def in_order(world: World) -> None:
    assert (await world.ledger.verify()).flaws == ()


async def test_credits_move_lot_by_lot_with_their_origin_and_expiry(world: World) -> None:
    await world.grant(50, account_id=BIA, expires_at=utc("2026-03-01"))
    await world.grant(30, account_id=BIA)
    await world.use(110, account_id=BIA)
    lots = {lot.lot_id: lot for lot in await world.ledger.lots.all(BIA)}

    result = await merge(world)

    assert result == MergeResult(moved(credits=70), replayed=False)
    found = (await world.ledger.account(ANA)).lots  # type: ignore[union-attr]
    assert [(lot.remaining, lot.expires_at) for lot in found] == [(40, utc("2026-03-01")), (30, None)]
    assert [(lots[lot.lot_id].origin, lots[lot.lot_id].created_at) for lot in found] == [
        (lot.origin, lot.created_at) for lot in found
    ]
    bia = await world.account(BIA)
    assert (bia.balance.status, bia.balance.credits_remaining, bia.balance.remaining) == (Status.BLOCKED, 0, 0)
    ours, theirs = [
        next(each for each in await world.ledger.entries(account) if each.kind is EntryKind.MERGE)
        for account in (ANA, BIA)
    ]
    assert (ours.tokens, theirs.tokens) == (70, -70)
    assert json.loads(ours.details)["counterpart"] == theirs.hash.hex()
    assert BIA not in ours.details
    await in_order(world)


async def test_unused_allowance_lapses_and_use_stays_unless_it_is_to_move(world: World) -> None:
    await world.use(30, account_id=BIA)
    assert (await merge(world)).moved == moved(lapsed=70)
    assert (await world.account()).balance.allowance_used == 0
    await in_order(world)


async def test_use_counts_in_the_target_where_that_is_wanted(world: World) -> None:
    await world.use(90, account_id=ANA)
    await world.use(30, account_id=BIA)
    assert (await merge(world, move_use=True)).moved == moved(used=30, lapsed=100)
    balance = (await world.account()).balance
    assert (balance.allowance_used, balance.overage) == (100, 20)
    await in_order(world)


async def test_what_is_owed_moves_and_is_paid_from_what_the_target_has(world: World) -> None:
    await world.use(140, account_id=BIA)
    await world.use(90, account_id=ANA)
    await world.grant(20)
    assert (await merge(world)).moved == moved(overage=40)
    ana, bia = (await world.account()).balance, (await world.account(BIA)).balance
    assert (ana.remaining, ana.credits_used, ana.overage, bia.overage) == (0, 20, 10, 0)
    await in_order(world)


async def test_what_the_target_owes_is_paid_from_what_comes(world: World) -> None:
    await world.use(130, account_id=ANA)
    await world.grant(50, account_id=BIA)
    await merge(world)
    balance = (await world.account()).balance
    assert (balance.credits_remaining, balance.overage) == (20, 0)
    await in_order(world)


async def test_requests_in_flight_end_where_they_began_and_what_they_leave_follows(world: World) -> None:
    await world.grant(50, account_id=BIA)
    hold_id = new_hold_id()
    await world.use(95, account_id=BIA)
    assert (await world.hold(25, account_id=BIA, hold_id=hold_id)).amount == 25

    assert (await merge(world)).moved == moved(credits=30, held=25, kept_credits=20)
    assert (await world.settle(hold_id, 12, account_id=BIA)).overage == 0
    assert (await world.account(BIA)).balance.credits_remaining == 13
    assert await books(world).merges.finish() == 1
    assert await books(world).merges.finish() == 0
    assert (await world.account()).balance.credits_remaining == 43
    await in_order(world)


async def test_a_merge_happens_once_for_each_key_and_an_account_is_merged_once(world: World) -> None:
    await world.hold(0, 0, account_id=KEY)
    await world.grant(50, account_id=BIA)
    first = await merge(world)
    assert await merge(world) == MergeResult(first.moved, replayed=True)
    for source, target, key in ((BIA, KEY, "m"), (BIA, KEY, "other"), (KEY, BIA, "third")):
        with pytest.raises(ConflictError):
            await merge(world, source, target, key=key)
    with pytest.raises(InvalidRequestError):
        await merge(world, ANA, ANA)
    with pytest.raises(NotFoundError):
        await merge(world, AccountId("user:none"))
    assert (await world.account()).balance.credits_remaining == 50


async def test_the_account_of_a_team_is_not_merged(world: World) -> None:
    await world.hold(account_id=TEAM, member_id=RUI)
    for source, target in ((TEAM, ANA), (ANA, TEAM)):
        with pytest.raises(InvalidRequestError):
            await merge(world, source, target)


async def test_a_dry_run_says_the_same_and_changes_nothing(world: World) -> None:
    await world.grant(50, account_id=BIA)
    await world.use(30, account_id=BIA)
    before = [await world.ledger.account(each) for each in (ANA, BIA)], await world.ledger.entries(BIA)
    tried = await merge(world, move_use=True, dry=True)
    assert ([await world.ledger.account(each) for each in (ANA, BIA)], await world.ledger.entries(BIA)) == before
    assert await world.ledger.trail.records(AuditFilter(action="account.merge")) == []
    assert await merge(world, move_use=True) == tried


async def test_the_target_pays_for_whoever_comes_with_the_old_name(world: World) -> None:
    service = EndUser(AccountId("end_user:7"), AccountId("end_user:bia@example.org"))
    await world.hold(0, 0, account_id=AccountId("end_user:bia@example.org"))
    assert await world.ledger.account_of_end_user(service, create=True) == service.by_email
    assert service.by_email is not None
    await merge(world, service.by_email, ANA)
    assert await world.ledger.account_of_end_user(service, create=True) == ANA
    assert await world.ledger.merged_into(service.by_email) == ANA
    # The address alone proves nothing: another id that comes with it gets an account of its own.
    stranger = EndUser(AccountId("end_user:8"), service.by_email)
    assert await world.ledger.account_of_end_user(stranger, create=True) == stranger.account_id
    await merge(world, ANA, BIA, key="on")
    assert await world.ledger.merged_into(service.by_email) == BIA
    assert (await world.hold(1, account_id=ANA)).outcome is HoldOutcome.INACTIVE
    await world.ledger.put_account(ANA, AccountChange(status=Status.ACTIVE), actor="admin:root")
    assert await world.ledger.merged_into(ANA) is None


async def test_requests_for_credits_wait_at_the_target(world: World) -> None:
    asked = NewCreditRequest(new_hold_id(), BIA, 500, "a report", BIA, open_limit=3, day_limit=3)
    await world.ledger.requests.make(asked)
    assert (await merge(world)).moved.requests == 1
    (request,) = await world.ledger.requests.find(account_id=ANA)
    assert request.request_id == asked.request_id


async def test_a_merge_is_audited_at_both_accounts_and_told(world: World) -> None:
    await world.ledger.put_account(BIA, AccountChange(email="bia@example.org"), actor="admin:root")
    await merge(world)
    for account, other in ((BIA, ANA), (ANA, BIA)):
        (record,) = await world.ledger.trail.records(AuditFilter(account_id=account, action="account.merge"))
        assert (record.subject, record.actor, record.reason) == (other, "admin:root", "the same person")
    assert (await world.ledger.events(BIA))[0].kind is EventKind.ACCOUNT_MERGED
    assert (await world.account()).email == "bia@example.org"


async def test_merges_of_the_same_accounts_at_once_do_not_wait_for_each_other_for_ever(world: World) -> None:
    for account in (ANA, BIA):
        await world.grant(10, account_id=account)
    outcomes = await asyncio.gather(
        *(merge(world, *pair, key=str(number)) for number, pair in enumerate([(ANA, BIA), (BIA, ANA)] * 5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, MergeResult) for each in outcomes) == 1
    assert all(isinstance(each, MergeResult | ConflictError) for each in outcomes)
    balances = [(await world.account(each)).balance.credits_remaining for each in (ANA, BIA)]
    assert sorted(balances) == [0, 20]
    await in_order(world)


steps = st.lists(
    st.tuples(
        st.sampled_from(["use", "grant", "hold", "settle", "reset", "merge", "finish", "wait"]),
        st.integers(0, 2),
        st.integers(1, 150),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_books_balance_and_no_credit_is_lost(
    ledger_url: str, superuser_url: str, steps: list[tuple[str, int, int]]
) -> None:
    empty(superuser_url)
    asyncio.run(_live(ledger_url, steps))


async def _live(url: str, steps: list[tuple[str, int, int]]) -> None:
    async with PostgresLedger.connect(url, now=(clock := Clock())) as ledger:
        lives = Lives(World(ledger, clock))
        await lives.begin()
        for number, (what, who, tokens) in enumerate(steps):
            clock.wait(seconds=1)
            await getattr(lives, what)(PEOPLE[who], tokens, str(number))
        await in_order(lives.world)
        entries = [entry for each in PEOPLE for entry in await ledger.entries(each, limit=10_000)]
        assert sum(entry.tokens for entry in entries if entry.kind is EntryKind.MERGE) == 0
        lots = [lot for each in PEOPLE for lot in await ledger.lots.all(each, limit=1000)]
        assert sum(lot.remaining for lot in lots) <= lives.granted


class Lives:
    """What may happen to three accounts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.granted = 0
        self.holds: list[tuple[AccountId, HoldId]] = []

    async def begin(self) -> None:
        await self.world.plan(100)
        for each in PEOPLE:
            await self.world.hold(0, 0, account_id=each)

    async def use(self, person: AccountId, tokens: int, _: str) -> None:
        await self.world.use(tokens, account_id=person)

    async def grant(self, person: AccountId, tokens: int, key: str) -> None:
        self.granted += tokens
        await self.world.grant(tokens, account_id=person, key=key)

    async def hold(self, person: AccountId, tokens: int, _: str) -> None:
        hold_id = new_hold_id()
        held = await self.world.hold(tokens, account_id=person, hold_id=hold_id)
        if held.outcome is HoldOutcome.HELD:
            self.holds.append((person, hold_id))

    async def settle(self, _: AccountId, tokens: int, __: str) -> None:
        if self.holds:
            owner, hold_id = self.holds.pop()
            await self.world.settle(hold_id, tokens // 2, account_id=owner)

    async def reset(self, person: AccountId, _: int, key: str) -> None:
        await self.world.ledger.actions.reset(Reset(person, "r", "admin:root", key))

    async def merge(self, person: AccountId, tokens: int, key: str) -> None:
        other = PEOPLE[(PEOPLE.index(person) + 1) % 3]
        with suppress(ConflictError):
            await merge(self.world, person, other, key=key, move_use=tokens % 2 == 0)

    async def finish(self, *_: object) -> None:
        await books(self.world).merges.finish()

    async def wait(self, _: AccountId, tokens: int, __: str) -> None:
        self.world.clock.wait(days=tokens / 10)
