"""What a preview of a plan's change says is what the change then does."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from solaris_hooks.ledger.account_terms import OverrideChange
from solaris_hooks.ledger.plan_effects import PlanEffect, PlanFigures
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Plan
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import Field

from .world import Clock, World

PEOPLE = {
    "user:fresh": 0,
    "user:half": 500,
    "user:most": 900,
    "user:spent": 1000,
    "user:beyond": 1300,
    "user:credits": 1000,
    "user:own": 400,
}


@pytest.fixture
async def team(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    """A plan of 1,000 tokens with people who have used more and less of it."""
    world = World(postgres_ledger, clock)
    await world.plan(1000, "team")
    for name, used in PEOPLE.items():
        account_id = AccountId(name)
        await postgres_ledger.put_account(account_id, AccountChange(plan_id="team"), actor="admin:root")
        if name == "user:credits":
            await world.grant(50, account_id=account_id)
        if name == "user:own":
            own = OverrideChange(account_id, "admin:root", "why", {Field.MONTHLY_TOKENS: 5000})
            await postgres_ledger.terms.override(own)
        if used:
            await world.use(used, account_id=account_id)
    return world


def looked_at(url: str, clock: Clock) -> tuple[set[str], int]:
    """Who could use tokens if everybody were looked at now, and what they would have been granted; nobody is."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT a.account_id, a.allowance_granted, a.allowance_granted - a.allowance_used + a.credits_remaining"
            " + a.overdraft - a.overage FROM unnest(%s::text[]) AS each (id)"
            " CROSS JOIN LATERAL solaris.refresh_account_v1(each.id, %s) AS a",
            (list(PEOPLE), clock.now),
        ).fetchall()
        connection.rollback()
    return {name for name, _, spendable in found if spendable > 0}, sum(granted for _, granted, _ in found)


@pytest.mark.parametrize(
    ("monthly", "overdraft"), [(1000, 0), (2000, 0), (1200, 0), (600, 0), (0, 0), (1000, 400), (500, 600), (901, 1)]
)
@pytest.mark.parametrize("months", [0, 1])
async def test_the_preview_says_what_the_change_does(
    team: World, postgres_ledger: PostgresLedger, ledger_url: str, monthly: int, overdraft: int, months: int
) -> None:
    team.clock.wait(days=31 * months)  # then everybody's renewal is due
    wanted = replace(Plan("team", monthly), overdraft=overdraft)
    effect = await postgres_ledger.plan_effects.of(wanted)
    before, granted_before = looked_at(ledger_url, team.clock)
    await postgres_ledger.put_plan(wanted, actor="admin:root")
    after, granted_after = looked_at(ledger_url, team.clock)
    assert effect == PlanEffect(
        accounts=len(PEOPLE),
        own=1,
        granted_before=granted_before,
        granted_after=granted_after,
        blocked=len(before - after),
        unblocked=len(after - before),
    )


async def test_an_overdraft_of_an_account_s_own_stays(team: World, postgres_ledger: PostgresLedger) -> None:
    own = OverrideChange(AccountId("user:spent"), "admin:root", "why", {Field.OVERDRAFT: 10})
    await postgres_ledger.terms.override(own)
    effect = await postgres_ledger.plan_effects.of(replace(Plan("team", 1000), overdraft=5))
    assert (effect.blocked, effect.unblocked) == (0, 0)


async def test_a_plan_without_accounts_touches_nobody(postgres_ledger: PostgresLedger) -> None:
    assert await postgres_ledger.plan_effects.of(Plan("none", 5)) == PlanEffect(0, 0, 0, 0, 0, 0)


async def test_figures_are_of_each_plan_that_has_accounts(team: World, postgres_ledger: PostgresLedger) -> None:
    await team.plan(7, "empty")
    figures = await postgres_ledger.plan_effects.figures()
    assert set(figures) == {"team"}
    assert figures["team"] == PlanFigures(accounts=7, granted=6 * 1000 + 5000, used=500 + 900 + 3 * 1000 + 400)
