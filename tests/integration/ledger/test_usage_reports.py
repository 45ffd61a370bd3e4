"""Reports on use: every grouping says the same sums."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from solaris_hooks.ledger import usage_reports
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Settlement
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit, UsageRow
from solaris_hooks.quota.costs import NO_COSTS, Costs, CostTable
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.usage import UsageSource
from tests.integration.rolling_up import roll_up

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
    await rolled_up(postgres_ledger, clock)
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


def of_team(account_id: AccountId, charge: int, team: str | None, **more: Any) -> Settlement:
    given = {"source": UsageSource.PROVIDER, "details": {} if team is None else {"team": team}, **more}
    return Settlement(account_id, new_hold_id(), "gpt-4o", charge, USE, **given)


async def rolled_up(ledger: PostgresLedger, clock: Clock) -> None:
    clock.wait(seconds=1)
    await roll_up(ledger, now=clock())


async def test_by_team_whoever_pays(ledger: PostgresLedger, clock: Clock) -> None:
    assert await report(ledger, ReportGrouping.TEAM) == []
    await ledger.put_account(AccountId("team:z"), AccountChange(name="The Zs"), actor="a")
    await ledger.note_team("a", "Team A")
    await ledger.note_team("z", "Team Z")
    for settlement in (
        of_team(ANA, 70, "a"),
        of_team(BIA, 7, "a"),
        of_team(BIA, 5, "nameless"),
        of_team(BIA, 1000, None),
        of_team(AccountId("team:z"), 40, "z", member_id=RUI),
        of_team(AccountId("team:z"), 2, None, member_id=RUI),  # booked when its process had died
    ):
        await ledger.settle(settlement)
    await rolled_up(ledger, clock)
    rows = await report(ledger, ReportGrouping.TEAM)
    assert [(row.team_id, row.name, row.account_id, row.requests, row.tokens) for row in rows] == [
        ("a", "Team A", None, 2, 77),
        ("nameless", None, None, 1, 5),
        ("z", "The Zs", "team:z", 2, 42),
    ]
    assert [row.cost for row in rows] == [Decimal("0.001170"), Decimal("0.000585"), Decimal("0.001170")]


async def test_by_team_and_month(postgres_ledger: PostgresLedger, clock: Clock) -> None:
    clock.set("2026-01-20 12:00")
    await World(postgres_ledger, clock).use(9)
    await postgres_ledger.settle(of_team(ANA, 1, "a"))
    clock.set("2026-02-05 12:00")
    await postgres_ledger.settle(of_team(ANA, 2, "a"))
    await postgres_ledger.settle(of_team(ANA, 4, "b"))
    await rolled_up(postgres_ledger, clock)
    rows = await report(postgres_ledger, ReportGrouping.TEAM, ReportUnit.MONTH)
    assert [(row.period, row.team_id, row.tokens) for row in rows] == [
        (FIRST, "a", 1),
        (dt.date(2026, 2, 1), "a", 2),
        (dt.date(2026, 2, 1), "b", 4),
    ]


@pytest.mark.parametrize("unit", ReportUnit)
async def test_periods_of_a_report_by_team_are_those_that_postgresql_makes(
    postgres_ledger: PostgresLedger, clock: Clock, unit: ReportUnit
) -> None:
    clock.set("2026-01-10 11:00")
    for each in (ANA, BIA):
        await World(postgres_ledger, clock).use(9, account_id=each)
    for day in ("01-10", "01-11", "01-12", "01-31", "02-01", "02-15", "02-16", "02-20"):
        clock.set(f"2026-{day} 12:00")
        await postgres_ledger.settle(of_team(ANA, 1, "a"))
        await postgres_ledger.settle(of_team(BIA, 2, "b"))
        await postgres_ledger.settle(of_team(BIA, 4, None))
    await rolled_up(postgres_ledger, clock)
    rows = await report(postgres_ledger, ReportGrouping.TEAM, unit)
    together = await postgres_ledger.usage_reports(COSTS).periods_of_teams(
        ReportQuery(ReportGrouping.TEAM, FIRST, LAST, unit)
    )
    assert {row.period for row in rows} == {row.period for row in together}
    for period in together:
        assert period.tokens == sum(row.tokens for row in rows if row.period == period.period)
    assert sum(row.tokens for row in rows) == 8 * 3
    assert [row.period for row in rows] == sorted(row.period for row in rows)
    assert all(row.team_id in {"a", "b"} for row in rows)


async def test_images_of_a_team_cost_what_they_cost(ledger: PostgresLedger, clock: Clock) -> None:
    units = {"team": "a", "units": {"image": "3"}, "prices": {"image": "10"}}
    await ledger.settle(of_team(ANA, 30, None, details=units, source=UsageSource.PRICE))
    await rolled_up(ledger, clock)
    costs = CostTable(
        {"gpt-*": Costs(Decimal(0), Decimal(0), Decimal(0), {Unit.IMAGE: Decimal("0.04")})}, currency="USD"
    )
    (row,) = await report(ledger, ReportGrouping.TEAM, costs=costs)
    assert (row.team_id, row.tokens, row.cost) == ("a", 30, Decimal("0.12"))


async def test_a_team_is_called_as_it_was_last(ledger: PostgresLedger, clock: Clock) -> None:
    await ledger.settle(of_team(ANA, 1, "a"))
    await rolled_up(ledger, clock)
    for alias in ("Old", "New", "New"):
        await ledger.note_team("a", alias)
    (row,) = await report(ledger, ReportGrouping.TEAM)
    assert row.name == "New"


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
