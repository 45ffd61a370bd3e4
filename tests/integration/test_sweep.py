"""Holds whose process died are ended: by what LiteLLM logged of them, else by policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, HoldRequest, Plan
from solaris_hooks.ledger.spend_logs import LiteLLMSpendLogs
from solaris_hooks.ledger.sweep import Sweeper
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id
from solaris_hooks.quota.usage import Usage
from solaris_hooks.quota.weights import Weights, WeightTable
from tests.integration.litellm_rows import log_call

ANA = AccountId("user:ana")


@pytest.fixture(scope="module")
def postgres_url(postgres: EmbeddedPostgres) -> str:
    """A database with LiteLLM's own tables."""
    return fresh_database(postgres, with_litellm_tables=True)


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[PostgresLedger]:
    migrate(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute('DELETE FROM "LiteLLM_SpendLogs"')
        connection.execute("DELETE FROM solaris.holds")
    async with PostgresLedger.connect(postgres_url) as opened:
        yield opened


@pytest.fixture
def execute(postgres_url: str) -> Callable[..., list[tuple[object, ...]]]:
    def run(sql: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    return run


async def lost_hold(ledger: PostgresLedger, execute: Callable[..., object], account: AccountId) -> HoldId:
    hold_id = new_hold_id()
    await ledger.hold(HoldRequest(account, hold_id, "m", want=500, minimum=10, prompt=40, lease_seconds=60))
    execute("UPDATE solaris.holds SET lease_until = now() - interval '1 s' WHERE hold_id = %s", hold_id)
    return hold_id


def sweeper(ledger: PostgresLedger, logs_url: str, policy: str = "prompt") -> Sweeper:
    table = WeightTable({"heavy": Weights(output=Decimal(2))})
    return Sweeper(ledger=ledger, spend_logs=LiteLLMSpendLogs(logs_url), weights=table, policy=policy)


@pytest.mark.parametrize(("policy", "booked"), [("prompt", 40), ("hold", 500), ("release", 0)])
async def test_what_nobody_knows_of_is_booked_by_policy(
    ledger: PostgresLedger,
    execute: Callable[..., list[tuple[object, ...]]],
    postgres_url: str,
    policy: str,
    booked: int,
) -> None:
    account = AccountId(f"user:{policy}")
    await lost_hold(ledger, execute, account)
    report = await sweeper(ledger, postgres_url, policy).sweep(limit=10)
    found = await ledger.account(account)
    assert found is not None
    assert (found.balance.used, found.balance.held) == (booked, 0)
    assert report.swept == 1
    assert report.from_spend_logs == 0
    assert (await sweeper(ledger, postgres_url, policy).sweep(limit=10)).swept == 0
    assert (await ledger.verify(account)).ok


async def test_what_litellm_logged_is_booked_exactly(
    ledger: PostgresLedger, execute: Callable[..., list[tuple[object, ...]]], postgres_url: str
) -> None:
    hold_id = await lost_hold(ledger, execute, AccountId("user:logged"))
    log_call(
        postgres_url,
        hold_id=hold_id,
        model="heavy",
        prompt_tokens=12,
        completion_tokens=30,
        cached_tokens=3,
        team="red",
    )
    report = await sweeper(ledger, postgres_url).sweep(limit=10)
    assert (report.swept, report.from_spend_logs, report.estimated) == (1, 1, 0)
    columns = "charge, source, cached_input_tokens, model, team_id"
    rows = execute(f"SELECT {columns} FROM solaris.usage WHERE hold_id = %s", hold_id)
    assert rows == [(72, "spend_log", 3, "heavy", "red")]


async def test_what_was_logged_is_charged_by_the_weights_of_the_account_s_plan(
    ledger: PostgresLedger, execute: Callable[..., list[tuple[object, ...]]], postgres_url: str
) -> None:
    account = AccountId("user:weighed")
    weights = WeightTable({"heavy": Weights(output=Decimal(3))})
    await ledger.put_plan(Plan("weighed", 1_000_000, weights=weights), actor="admin")
    await ledger.put_account(account, AccountChange(plan_id="weighed"), actor="admin")
    hold_id = await lost_hold(ledger, execute, account)
    log_call(postgres_url, hold_id=hold_id, model="heavy", prompt_tokens=12, completion_tokens=30)
    await sweeper(ledger, postgres_url).sweep(limit=10)
    assert execute("SELECT charge FROM solaris.usage WHERE hold_id = %s", hold_id) == [(102,)]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
async def test_the_logs_are_found_whatever_the_session_s_time_zone(
    ledger: PostgresLedger, execute: Callable[..., list[tuple[object, ...]]], postgres_url: str, zone: str
) -> None:
    hold_id = await lost_hold(ledger, execute, AccountId("user:logged"))
    log_call(postgres_url, hold_id=hold_id, prompt_tokens=12, completion_tokens=30)
    (hold,) = await ledger.holds()
    found = await LiteLLMSpendLogs(make_conninfo(postgres_url, options=f"-c TimeZone={zone}")).used_by([hold])
    assert found[hold_id].usage == Usage(12, 30)


async def test_a_client_cannot_hide_its_call_as_a_failure(
    ledger: PostgresLedger, execute: Callable[..., list[tuple[object, ...]]], postgres_url: str
) -> None:
    hold_id = await lost_hold(ledger, execute, AccountId("user:hiding"))
    log_call(postgres_url, hold_id=hold_id, prompt_tokens=12, completion_tokens=30, status="failure")
    assert (await sweeper(ledger, postgres_url).sweep(limit=10)).from_spend_logs == 1
    assert execute("SELECT charge FROM solaris.usage WHERE hold_id = %s", hold_id) == [(42,)]


async def test_books_beside_a_database_without_litellm_s_tables_have_no_logs(
    ledger: PostgresLedger, execute: Callable[..., list[tuple[object, ...]]], postgres: EmbeddedPostgres
) -> None:
    await lost_hold(ledger, execute, AccountId("user:alone"))
    assert await LiteLLMSpendLogs(fresh_database(postgres)).used_by(await ledger.holds()) == {}


async def test_rows_of_a_month_without_a_partition_move_into_it(
    ledger: PostgresLedger, execute: Callable[..., list[tuple[object, ...]]]
) -> None:
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=150)
    ((floor,),) = execute("SELECT solaris.uuid7_floor_v1(%s)", ahead)
    await ledger.hold(HoldRequest(ANA, HoldId(floor), "m", want=10, minimum=1, prompt=1, lease_seconds=60))  # type: ignore[arg-type]
    await ledger.release(ANA, HoldId(floor))  # type: ignore[arg-type]
    assert execute("SELECT count(*) FROM solaris.usage_default") == [(1,)]
    assert await ledger.make_usage_partitions(months=6) > 0
    assert execute("SELECT count(*) FROM solaris.usage_default") == [(0,)]
    assert execute("SELECT count(*) FROM solaris.usage WHERE hold_id = %s", floor) == [(1,)]
    assert await ledger.make_usage_partitions(months=6) == 0
