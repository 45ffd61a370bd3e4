"""What is paid by the unit costs what its units cost, in every report and on the overview."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import psycopg
import pytest

from solaris_hooks.ledger.front_page import FrontPage, TrendUnit
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit, UsageRow
from solaris_hooks.quota.costs import Costs, CostTable
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.rolling_up import roll_up

from .world import ANA, BIA, Clock, World

ZERO = Decimal(0)
COSTS = CostTable(
    {
        "images": Costs(ZERO, ZERO, ZERO, {Unit.IMAGE: Decimal("0.04")}),
        "whisper": Costs(ZERO, ZERO, ZERO, {Unit.SECOND: Decimal("0.0001")}),
        "gpt-*": Costs(Decimal(10), Decimal("2.5"), Decimal(30)),
    },
    currency="USD",
)
DAY = dt.date(2026, 1, 14)


async def paid(
    world: World,
    model: str,
    units: dict[str, str],
    *,
    account_id: AccountId = ANA,
    source: UsageSource = UsageSource.PRICE,
) -> None:
    details = {"asked": model, "units": units, "prices": dict.fromkeys(units, "100")}
    nothing = Usage(input_tokens=0, output_tokens=0)
    await world.settle(
        new_hold_id(), 100, account_id=account_id, model=model, usage=nothing, source=source, details=details
    )


async def rolled_up(ledger: PostgresLedger, clock: Clock) -> None:
    clock.wait(seconds=1)
    await roll_up(ledger, now=clock())


@pytest.fixture
async def ledger(postgres_ledger: PostgresLedger, clock: Clock) -> PostgresLedger:
    """Two users who drew, listened and chatted on one day, some of it after the totals were brought up to now."""
    world = World(postgres_ledger, clock)
    clock.set("2026-01-14 12:00")
    await world.plan(5_000_000, "large")
    for each in (ANA, BIA):
        await postgres_ledger.put_account(each, AccountChange(plan_id="large"), actor="a")
    await paid(world, "images", {"image": "2"})
    await paid(world, "whisper", {"second": "40.1"}, source=UsageSource.ESTIMATE)
    await rolled_up(postgres_ledger, clock)
    await paid(world, "images", {"image": "1"})
    await paid(world, "images", {"image": "2"}, account_id=BIA)
    await paid(world, "moderation", {"call": "1"})
    await world.use(5)
    await rolled_up(postgres_ledger, clock)
    return postgres_ledger


async def report(ledger: PostgresLedger, by: ReportGrouping, unit: ReportUnit = ReportUnit.WHOLE) -> list[UsageRow]:
    return [row async for row in ledger.usage_reports(COSTS).rows(ReportQuery(by, DAY, DAY, unit))]


async def test_each_model_costs_what_its_units_cost(ledger: PostgresLedger) -> None:
    rows = await report(ledger, ReportGrouping.MODEL)
    assert {row.model: row.cost for row in rows} == {
        "gpt-4o": Decimal("0.000585"),
        "images": Decimal("0.20"),
        "moderation": None,
        "whisper": Decimal("0.00401"),
    }


async def test_each_user_pays_for_his_own(ledger: PostgresLedger) -> None:
    ana, bia = await report(ledger, ReportGrouping.USER)
    assert (ana.account_id, ana.requests, ana.cost) == (ANA, 5, Decimal("0.124595"))
    assert (bia.account_id, bia.requests, bia.cost) == (BIA, 1, Decimal("0.08"))


@pytest.mark.parametrize("unit", ReportUnit)
@pytest.mark.parametrize("by", [each for each in ReportGrouping if each is not ReportGrouping.TEAM])
async def test_every_report_has_the_same_sum(ledger: PostgresLedger, by: ReportGrouping, unit: ReportUnit) -> None:
    rows = await report(ledger, by, unit)
    assert sum(row.cost or ZERO for row in rows) == Decimal("0.204595")


async def test_the_overview_has_it_too_and_says_what_it_does_not_know(ledger: PostgresLedger, clock: Clock) -> None:
    page = FrontPage(ledger.totals, COSTS, now=clock)
    figures = await page.figures("America/Sao_Paulo")
    assert (figures.today.cost.amount, figures.today.cost.complete) == (Decimal("0.204595"), False)
    (month,) = await page.trend(TrendUnit.MONTH, 1, "America/Sao_Paulo")
    assert month.cost == figures.today.cost


async def test_no_entry_is_looked_up_of_what_is_paid_by_the_token(ledger: PostgresLedger, superuser_url: str) -> None:
    """Or the job would read an entry for each call, or all entries."""
    body = """
        SELECT u.account_id, paid.units FROM solaris.usage AS u LEFT JOIN LATERAL (
            SELECT e.details -> 'more' -> 'units' AS units FROM solaris.entries AS e
            WHERE u.source IN ('price', 'estimate') AND e.account_id = u.account_id
                AND e.idempotency_key = 'usage:' || u.hold_id
            OFFSET 0
        ) AS paid ON true WHERE u.source = 'provider'"""
    with psycopg.connect(superuser_url) as connection:
        (function,) = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'add_totals_v1'").fetchone() or (
            "",
        )
        assert " ".join(body.partition("LATERAL")[2].partition(" ON true")[0].split()) in _without_comments(function)
        rows = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {body}").fetchone()
    assert rows is not None
    looked_up = [each["Actual Loops"] for each in _nodes(rows[0][0]["Plan"]) if each.get("Relation Name") == "entries"]
    assert looked_up == [0], json.dumps(rows[0])


def _without_comments(function: str) -> str:
    return " ".join(" ".join(line.partition("--")[0] for line in function.splitlines()).split())


def _nodes(plan: dict[str, object]) -> list[dict[str, object]]:
    inner = plan.get("Plans", [])
    assert isinstance(inner, list)
    return [plan, *(node for each in inner for node in _nodes(each))]
