"""Totals over all accounts: each call is in them once, whatever else is being written."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal

import psycopg
import pytest

from solaris_hooks.ledger.front_page import FrontPage, TrendUnit
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.costs import NO_COSTS, Costs, CostTable
from solaris_hooks.quota.ids import new_hold_id
from tests.integration.rolling_up import roll_up

from .world import ANA, BIA, Clock, World, utc

ZONE = "America/Sao_Paulo"
COSTS = CostTable({"gpt-*": Costs(Decimal(10), Decimal("2.5"), Decimal(30))}, currency="USD")


@pytest.fixture
def books(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    """PostgreSQL's ledger, empty, with short words for it."""
    return World(postgres_ledger, clock)


async def rolled_up(ledger: PostgresLedger, clock: Clock) -> None:
    """Everything so far is in the totals."""
    clock.wait(seconds=1)
    await roll_up(ledger, now=clock())


async def tokens(ledger: PostgresLedger) -> int:
    (span,) = await ledger.totals.spans([utc("2020-01-01"), utc("2040-01-01")])
    return span.tokens


async def test_a_call_is_in_the_totals_once_however_often_they_are_brought_up_to_now(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.use(100)
    await books.use(20, account_id=BIA)
    for _ in range(3):
        await rolled_up(postgres_ledger, clock)
    assert await tokens(postgres_ledger) == 120
    assert await postgres_ledger.totals.as_of() == clock.now
    assert await postgres_ledger.totals.models() == ["gpt-4o"]
    await books.use(3)
    await rolled_up(postgres_ledger, clock)
    assert await tokens(postgres_ledger) == 123


async def test_a_released_hold_is_counted_only_when_its_use_comes_late(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    hold_id = await books.held()
    await postgres_ledger.release(ANA, hold_id)
    await rolled_up(postgres_ledger, clock)
    assert await tokens(postgres_ledger) == 0
    await books.settle(hold_id, 42)
    await rolled_up(postgres_ledger, clock)
    await rolled_up(postgres_ledger, clock)
    assert await tokens(postgres_ledger) == 42


async def test_what_a_transaction_has_not_yet_committed_is_waited_for(
    books: World, postgres_ledger: PostgresLedger, clock: Clock, ledger_url: str
) -> None:
    """It ended before calls that can be seen already; it must not be passed over."""
    await books.use(1)
    with psycopg.connect(ledger_url) as slow:
        slow.execute(
            "SELECT solaris.settle_v4(%s, %s, 'gpt-4o', 500, 1, 0, 1, 0, 'provider', '{}', %s)",
            (ANA, new_hold_id(), clock.now),
        )
        clock.wait(seconds=1)
        await books.use(10, account_id=BIA)
        for _ in range(6):  # none of them is enough
            clock.wait(seconds=1)
            await postgres_ledger.rollup.roll_up()
        seen = await tokens(postgres_ledger)
        slow.commit()
    assert seen in {0, 1}, "Bia's call ended after the one that is not committed"
    await rolled_up(postgres_ledger, clock)
    assert await tokens(postgres_ledger) == 511


async def test_totals_that_many_bring_up_to_now_while_calls_settle_are_exact(
    ledger_url: str, superuser_url: str
) -> None:
    """With the database's own clock, and batches smaller than what waits."""
    from .conftest import empty  # noqa: PLC0415

    empty(superuser_url)
    async with PostgresLedger.connect(ledger_url) as ledger:
        clock = Clock(dt.datetime.now(dt.UTC))
        books = World(ledger, clock)
        settling = True

        async def settle(number: int) -> None:
            for _ in range(25):
                await books.use(7, account_id=(ANA, BIA)[number % 2])

        async def roll() -> None:
            while settling:
                await ledger._statements.one("roll_up", {"limit": 3, "now": None})

        rolling = [asyncio.create_task(roll()) for _ in range(3)]
        await asyncio.gather(*(settle(number) for number in range(4)))
        settling = False
        await asyncio.gather(*rolling)
        ended = dt.datetime.now(dt.UTC)
        async with asyncio.timeout(60):  # whatever else writes in this server is waited for
            while (await ledger.totals.as_of() or ended) <= ended:
                await ledger.rollup.roll_up()
        assert await tokens(ledger) == 4 * 25 * 7
        both = [await ledger.account(each) for each in (ANA, BIA)]
        assert sum(each.balance.used for each in both if each) == 4 * 25 * 7


async def test_the_totals_of_a_day_are_those_of_its_accounts(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    """By local days of each account, and by the plan that it had."""
    clock.set("2026-01-16 02:00")  # still the 15th in Sao Paulo
    await books.use(100)
    clock.set("2026-01-16 04:00")
    await books.use(30)
    await rolled_up(postgres_ledger, clock)
    daily = await postgres_ledger.daily_usage(ANA, since=dt.date(2026, 1, 1), until=dt.date(2026, 1, 31))
    async with postgres_ledger._statements.transaction() as connection:
        cursor = await connection.execute(
            "SELECT day, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge "
            "FROM solaris.usage_of_plans ORDER BY day, model"
        )
        assert [tuple(row.values()) for row in await cursor.fetchall()] == [
            (
                each.day,
                each.model,
                each.requests,
                each.estimated_requests,
                each.input_tokens,
                each.cached_input_tokens,
                each.output_tokens,
                each.charge,
            )
            for each in daily
        ]


async def test_a_trend_has_every_point_of_its_local_days(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    clock.set("2026-01-13 02:30")  # the 12th in Sao Paulo
    await books.use(5)
    clock.set("2026-01-15 12:10")
    await books.use(11)
    await rolled_up(postgres_ledger, clock)
    page = FrontPage(postgres_ledger.totals, COSTS, now=clock)
    days = await page.trend(TrendUnit.DAY, 4, ZONE)
    assert [(each.span.start, each.span.tokens) for each in days] == [
        (utc("2026-01-12 03:00"), 5),
        (utc("2026-01-13 03:00"), 0),
        (utc("2026-01-14 03:00"), 0),
        (utc("2026-01-15 03:00"), 11),
    ]
    hours = await page.trend(TrendUnit.HOUR, 3, ZONE)
    assert [(each.span.start.hour, each.span.tokens) for each in hours] == [(10, 0), (11, 0), (12, 11)]
    months = await page.trend(TrendUnit.MONTH, 2, ZONE)
    assert [(each.span.start, each.span.tokens) for each in months] == [
        (utc("2025-12-01 03:00"), 0),
        (utc("2026-01-01 03:00"), 16),
    ]


async def test_the_front_page_says_what_was_used_and_what_it_cost(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.plan(1000)
    clock.set("2026-01-14 12:00")
    await books.use(850)
    clock.set("2026-01-15 12:00")
    await books.use(99, account_id=BIA)
    await books.ledger.put_account(BIA, AccountChange(status=Status.BLOCKED, status_reason="x"), actor="a")
    await rolled_up(postgres_ledger, clock)
    await postgres_ledger.rollup.round(time_zone=ZONE)
    figures = await FrontPage(postgres_ledger.totals, COSTS, now=clock).figures(ZONE)
    assert figures.as_of == clock.now
    assert figures.counts.accounts == 2
    assert {each: count for each, count in figures.counts.by_status.items() if count} == {
        Status.ACTIVE: 1,
        Status.BLOCKED: 1,
    }
    assert figures.counts.by_state[State.WARNING] == 1
    assert (figures.counts.granted, figures.counts.used) == (1000, 850)
    assert figures.active_today == 1
    assert (figures.today.span.tokens, figures.month.span.tokens) == (99, 949)
    # Each call: 20 uncached input, 10 cached, 12 output.
    assert figures.today.cost.amount == Decimal("0.000585")
    assert figures.month.cost.amount == Decimal("0.001170")
    # Two days, 949 tokens; 16 days are left.
    assert figures.projected_month == 949 + 949 * 16 // 2
    unknown = await FrontPage(postgres_ledger.totals, NO_COSTS, now=clock).figures(ZONE)
    assert (unknown.currency, unknown.month.cost.amount) == (None, None)


async def test_empty_books_have_a_front_page(postgres_ledger: PostgresLedger, clock: Clock) -> None:
    figures = await FrontPage(postgres_ledger.totals, NO_COSTS, now=clock).figures(ZONE)
    assert figures.as_of is None
    assert (figures.counts.accounts, figures.active_today, figures.month.span.tokens) == (0, 0, 0)


async def test_who_used_most_is_looked_up_when_it_is_old(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.use(100)
    await books.use(250, account_id=BIA)
    today = clock.now.date()
    assert (await postgres_ledger.totals.top_accounts(today, today)).as_of is None
    await postgres_ledger.rollup.round(time_zone=ZONE)
    top = await postgres_ledger.totals.top_accounts(today, today, limit=1)
    assert [(each.account_id, each.tokens, each.requests) for each in top.accounts] == [(BIA, 250, 1)]
    await books.use(500)
    await postgres_ledger.rollup.round(time_zone=ZONE)
    assert await postgres_ledger.totals.top_accounts(today, today, limit=1) == top
    clock.wait(seconds=61)
    await postgres_ledger.rollup.round(time_zone=ZONE)
    top = await postgres_ledger.totals.top_accounts(today, today)
    assert [(each.account_id, each.tokens) for each in top.accounts] == [(ANA, 600), (BIA, 250)]


async def test_an_account_whose_summary_others_write_is_taken_the_next_time(
    books: World, postgres_ledger: PostgresLedger, clock: Clock, ledger_url: str
) -> None:
    await books.use(100)
    clock.wait(seconds=1)
    await postgres_ledger.rollup.roll_up()
    with psycopg.connect(ledger_url) as other:
        other.execute("SELECT 1 FROM solaris.account_summaries FOR UPDATE")
        await postgres_ledger.rollup.roll_up()
        other.rollback()
    clock.wait(seconds=1)
    await postgres_ledger.rollup.roll_up()
    async with postgres_ledger._statements.transaction() as connection:
        cursor = await connection.execute("SELECT used FROM solaris.account_summaries")
        assert [row["used"] for row in await cursor.fetchall()] == [100]
