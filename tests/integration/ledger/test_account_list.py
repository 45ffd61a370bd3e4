"""Lists of accounts: filtered, in each order, page by page; the same in both ledgers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from solaris_hooks.ledger.account_list import AccountFilter, AccountSort, Place
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.ids import AccountId
from tests.integration.rolling_up import roll_up

from .world import ANA, BIA, World

CID = AccountId("user:cid")
DORA = AccountId("key:dora")


@pytest.fixture
async def people(world: World) -> World:
    """In order of time: Ana used 85 %, Bia 99 %, Cid nothing and is suspended, Dora a little on a large plan."""
    await world.plan(1000)
    await world.plan(100_000, "large")
    await world.use(850, account_id=ANA)
    world.clock.wait(days=1)
    await world.use(990, account_id=BIA)
    world.clock.wait(days=1)
    change = AccountChange(status=Status.SUSPENDED, status_reason="x", name="Cícero", email="c@example.org")
    await world.ledger.put_account(CID, change, actor="admin:root")
    world.clock.wait(days=1)
    await world.ledger.put_account(DORA, AccountChange(plan_id="large"), actor="admin:root")
    await world.use(2_000, account_id=DORA)
    await rolled_up(world)
    return world


async def rolled_up(world: World) -> None:
    """Everything so far is in what lists sort by."""
    world.clock.wait(seconds=1)
    if isinstance(world.ledger, PostgresLedger):
        await roll_up(world.ledger, now=world.clock())


async def ids(
    world: World,
    wanted: AccountFilter | None = None,
    *,
    sort: AccountSort = AccountSort.ID,
    descending: bool = False,
    limit: int = 50,
) -> Sequence[AccountId]:
    """Ids of a whole list, read page by page."""
    found: list[AccountId] = []
    after: Place | None = None
    while True:
        page = await world.ledger.account_list.page(
            wanted or AccountFilter(), sort=sort, descending=descending, limit=limit, after=after
        )
        assert len(page.accounts) <= limit
        found += [each.balance.account_id for each in page.accounts]
        after = page.next_after
        if after is None:
            return found


ORDERS = {
    AccountSort.ID: [DORA, ANA, BIA, CID],
    AccountSort.USE_PERCENT: [CID, DORA, ANA, BIA],
    AccountSort.USED: [CID, ANA, BIA, DORA],
    AccountSort.REMAINING: [BIA, ANA, CID, DORA],
    AccountSort.LAST_USED: [CID, ANA, BIA, DORA],
    AccountSort.CREATED: [ANA, BIA, CID, DORA],
}


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("sort", AccountSort)
async def test_each_order_reads_the_same_in_pages_of_any_size_both_ways(
    people: World, sort: AccountSort, limit: int
) -> None:
    assert await ids(people, sort=sort, limit=limit) == ORDERS[sort]
    assert await ids(people, sort=sort, limit=limit, descending=True) == ORDERS[sort][::-1]


@pytest.mark.parametrize("sort", AccountSort)
async def test_accounts_of_the_same_place_are_in_order_of_id(world: World, sort: AccountSort) -> None:
    names = [AccountId(f"user:{number}") for number in range(5)]
    for each in names:
        await world.ledger.put_account(each, AccountChange(), actor="admin:root")
    assert await ids(world, sort=sort, limit=2) == names
    assert await ids(world, sort=sort, limit=2, descending=True) == names[::-1]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AccountFilter(status=Status.SUSPENDED), [CID]),
        (AccountFilter(status=Status.ACTIVE), [DORA, ANA, BIA]),
        (AccountFilter(plan_id="large"), [DORA]),
        (AccountFilter(state=State.NORMAL), [DORA, CID]),
        (AccountFilter(state=State.WARNING), [ANA]),
        (AccountFilter(state=State.CRITICAL), [BIA]),
        (AccountFilter(state=State.EXHAUSTED), []),
        (AccountFilter(query="USER:"), [ANA, BIA, CID]),
        (AccountFilter(query="cÍcero"), [CID]),
        (AccountFilter(query="@example"), [CID]),
        (AccountFilter(query="a"), [DORA, ANA, BIA, CID]),
        (AccountFilter(query="user", status=Status.ACTIVE, state=State.CRITICAL), [BIA]),
        (AccountFilter(used_after=dt.datetime(2026, 1, 16, 12, tzinfo=dt.UTC)), [DORA, BIA]),
        (AccountFilter(used_before=dt.datetime(2026, 1, 16, 12, tzinfo=dt.UTC)), [ANA, CID]),
        (AccountFilter(query="100%' OR true"), []),
        (AccountFilter(plan_id="'; DROP TABLE solaris.plans"), []),
    ],
)
async def test_filters_take_what_they_say(people: World, wanted: AccountFilter, expected: Sequence[AccountId]) -> None:
    assert await ids(people, wanted) == expected
    assert set(await ids(people, wanted, sort=AccountSort.USED, limit=1)) == set(expected)


async def test_what_many_have_in_their_names_is_listed_in_order(postgres_ledger: PostgresLedger) -> None:
    """More than are put in order by hand: found by going through the order."""
    world_ledger = postgres_ledger
    async with world_ledger._statements.transaction() as connection:
        await connection.execute(
            "INSERT INTO solaris.accounts (account_id, plan_id, plan_tokens, plan_revision, adopted_plan_id, locale, "
            "time_zone, anchor_day, period_start, period_end, allowance_granted, allowance_used, created_at) "
            "SELECT 'user:many-' || n, 'default', p.monthly_tokens, p.revision, 'default', 'en', 'UTC', 1, "
            "'2026-01-01Z', '2026-02-01Z', 1000000, n, '2026-01-01Z' "
            "FROM solaris.plans AS p, generate_series(1, 1500) AS n WHERE p.plan_id = 'default'"
        )
    page = await world_ledger.account_list.page(
        AccountFilter(query="Many"), sort=AccountSort.USED, descending=True, limit=2
    )
    assert [each.balance.used for each in page.accounts] == [1500, 1499]
    again = await world_ledger.account_list.page(
        AccountFilter(query="Many"), sort=AccountSort.USED, descending=True, limit=2, after=page.next_after
    )
    assert [each.balance.used for each in again.accounts] == [1498, 1497]


async def test_what_people_change_is_in_the_list_at_once(people: World) -> None:
    """And not only when the totals are brought up to now."""
    await people.ledger.put_account(CID, AccountChange(status=Status.ACTIVE), actor="admin:root")
    await people.grant(1000, account_id=BIA)
    assert await ids(people, AccountFilter(status=Status.SUSPENDED)) == []
    assert await ids(people, AccountFilter(state=State.CRITICAL)) == []
    assert await ids(people, sort=AccountSort.REMAINING) == [ANA, CID, BIA, DORA]


async def test_a_new_account_is_in_the_list_at_once(people: World) -> None:
    await people.hold(account_id=AccountId("user:new"))
    assert AccountId("user:new") in await ids(people, sort=AccountSort.USE_PERCENT)
