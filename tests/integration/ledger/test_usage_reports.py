"""Reports on use: every grouping says the same sums."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from solaris_hooks.ledger import usage_reports
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Settlement
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit, UsageRow
from solaris_hooks.quota.costs import NO_COSTS, Costs, CostTable
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import UsageSource

from .world import ANA, BIA, USE, Clock, World

COSTS = CostTable({"gpt-*": Costs(Decimal(10), Decimal("2.5"), Decimal(30))}, currency="USD")
RUI = MemberId("user:rui")
FIRST, LAST = dt.date(2026, 1, 10), dt.date(2026, 2, 20)


@pytest.fixture
async def ledger(postgres_ledger: PostgresLedger, clock: Clock) -> PostgresLedger:
    """Ana used two models in two months; Bia, on another plan, one on the last day; Ana something before the report."""
    books = World(postgres_ledger, clock)
    await books.plan(5_000_000, "large")
    clock.set("2026-01-09 12:00")
    await books.use(999)
    clock.set("2026-01-14 12:00")
    await books.use(100)
    await books.use(20, model="claude")
    clock.set("2026-02-03 12:00")
    await books.use(3)
    await books.ledger.put_account(BIA, AccountChange(plan_id="large", name="Bia"), actor="a")
    clock.set("2026-02-20 12:00")
    await books.use(4000, account_id=BIA)
    clock.wait(seconds=1)
    for _ in range(2):
        await postgres_ledger.rollup.roll_up()
    return postgres_ledger


async def report(
    ledger: PostgresLedger, by: ReportGrouping, unit: ReportUnit = ReportUnit.WHOLE, costs: CostTable = COSTS
) -> list[UsageRow]:
    return [row async for row in ledger.usage_reports(costs).rows(ReportQuery(by, FIRST, LAST, unit))]


async def test_by_user(ledger: PostgresLedger) -> None:
    ana, bia = await report(ledger, ReportGrouping.USER)
    assert (ana.account_id, ana.plan_id, ana.period, ana.requests, ana.tokens) == (ANA, "default", FIRST, 3, 123)
    assert (bia.account_id, bia.name, bia.plan_id, bia.tokens) == (BIA, "Bia", "large", 4000)
    # 20 uncached input, 10 cached, 12 output, of two calls; the third is of a model without a cost.
    assert ana.cost == Decimal("0.001170")
    assert (ana.input_tokens, ana.cached_input_tokens, ana.output_tokens) == (90, 30, 36)


async def test_by_team_that_shares_an_account(ledger: PostgresLedger) -> None:
    assert await report(ledger, ReportGrouping.TEAM) == []
    for team, charge in (("team:a", 70), ("team:z", 7)):
        await ledger.put_account(AccountId(team), AccountChange(name=team.title()), actor="a")
        await ledger.settle(
            Settlement(AccountId(team), new_hold_id(), "gpt-4o", charge, USE, UsageSource.PROVIDER, member_id=RUI)
        )
    rows = await report(ledger, ReportGrouping.TEAM)
    assert [(row.account_id, row.name, row.tokens) for row in rows] == [
        ("team:a", "Team:A", 70),
        ("team:z", "Team:Z", 7),
    ]


async def test_by_user_and_month(ledger: PostgresLedger) -> None:
    rows = await report(ledger, ReportGrouping.USER, ReportUnit.MONTH)
    assert [(row.account_id, row.period, row.tokens) for row in rows] == [
        (ANA, FIRST, 120),
        (ANA, dt.date(2026, 2, 1), 3),
        (BIA, dt.date(2026, 2, 1), 4000),
    ]


async def test_by_model_plan_and_period(ledger: PostgresLedger) -> None:
    models = await report(ledger, ReportGrouping.MODEL)
    assert [(row.model, row.tokens, row.cost) for row in models] == [
        ("claude", 20, None),
        ("gpt-4o", 4103, Decimal("0.001755")),
    ]
    plans = await report(ledger, ReportGrouping.PLAN)
    assert [(row.plan_id, row.tokens) for row in plans] == [("default", 123), ("large", 4000)]
    weeks = await report(ledger, ReportGrouping.PERIOD, ReportUnit.WEEK)
    assert [(row.period, row.tokens) for row in weeks] == [
        (dt.date(2026, 1, 12), 120),
        (dt.date(2026, 2, 2), 3),
        (dt.date(2026, 2, 16), 4000),
    ]


@pytest.mark.parametrize("unit", ReportUnit)
@pytest.mark.parametrize("by", [each for each in ReportGrouping if each is not ReportGrouping.TEAM])
async def test_every_report_has_the_same_sum(ledger: PostgresLedger, by: ReportGrouping, unit: ReportUnit) -> None:
    rows = await report(ledger, by, unit)
    assert sum(row.tokens for row in rows) == 4123
    assert sum(row.requests for row in rows) == 4
    assert sum(row.cost or Decimal(0) for row in rows) == Decimal("0.001755")
    assert {row.cost for row in await report(ledger, by, unit, NO_COSTS)} == {None}


async def test_all_accounts_are_reported_whatever_the_batches(
    postgres_ledger: PostgresLedger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_reports, "FIRST_ACCOUNTS", 1)
    monkeypatch.setattr(usage_reports, "MOST_ACCOUNTS", 2)
    books = World(postgres_ledger, clock)
    clock.set("2026-02-01 12:00")
    everybody = [AccountId(f"user:{number}") for number in range(6)]
    for each in everybody:
        await books.use(7, account_id=each)
    assert [row.account_id for row in await report(postgres_ledger, ReportGrouping.USER)] == everybody
