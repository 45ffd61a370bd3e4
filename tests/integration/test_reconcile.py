"""Every call that either side knows gets a cause, and each cause is one that an administrator can check."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.queries import statements
from solaris_hooks.ledger.reconcile import Cause, Question, Reconciled, reconciled
from solaris_hooks.ledger.records import AccountChange, HoldRequest, Settlement
from solaris_hooks.ledger.spend_logs import LiteLLMSpendLogs
from solaris_hooks.quota.errors import SchemaError
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.litellm_rows import log_call

ANA = AccountId("user:ana")
NOON = dt.datetime.now(dt.UTC).replace(hour=12, minute=0, second=0, microsecond=0) - dt.timedelta(days=2)
"""Within a day of every time zone near UTC, and long enough ago for LiteLLM to have logged it."""

_USE = Usage(30, 12)


def hold_id_of(at: dt.datetime, number: int) -> HoldId:
    """A UUIDv7 of a time."""
    milliseconds = int(at.timestamp() * 1000)
    return HoldId(UUID(int=milliseconds << 80 | 0x7000_8000_0000_0000_0000 | number))


@dataclass
class Both:
    """The books and LiteLLM's logs, in one database or in two."""

    books: str
    logs: str
    ledger: PostgresLedger
    numbers: list[int] = field(default_factory=lambda: [0])
    now: dt.datetime = NOON

    async def held(self, at: dt.datetime = NOON, account_id: AccountId = ANA) -> HoldId:
        self.numbers[0] += 1
        self.now = at
        hold_id = hold_id_of(at, self.numbers[0])
        await self.ledger.hold(HoldRequest(account_id, hold_id, "demo", 100, 1, 20, lease_seconds=60))
        return hold_id

    async def booked(
        self,
        at: dt.datetime = NOON,
        usage: Usage = _USE,
        source: UsageSource = UsageSource.PROVIDER,
        account_id: AccountId = ANA,
    ) -> HoldId:
        hold_id = await self.held(at, account_id)
        charge = usage.input_tokens + usage.output_tokens
        await self.ledger.settle(Settlement(account_id, hold_id, "demo", charge, usage, source, details={}))
        return hold_id

    async def compared(self, **question: object) -> list[Reconciled]:
        asked = Question(
            since=NOON.date(),
            until=NOON.date(),
            account_id=None,
            time_zone="UTC",
            meter_master_key=False,
            unmetered_call_types=["aembedding"],
            longest_call=dt.timedelta(hours=2),
        )
        asked = replace(asked, **question)  # type: ignore[arg-type]
        return [row async for row in reconciled(self.books, LiteLLMSpendLogs(self.logs), asked)]

    async def causes(self, **question: object) -> dict[Cause, int]:
        return {row.cause: row.calls for row in await self.compared(**question)}


@pytest.fixture(scope="module")
def urls(postgres: EmbeddedPostgres) -> tuple[str, str]:
    """A database with both, and one of books alone."""
    together, alone = fresh_database(postgres, with_litellm_tables=True), fresh_database(postgres)
    for url in (together, alone):
        migrate(url)
    return together, alone


@pytest.fixture(params=["one database", "two databases"])
async def both(
    request: pytest.FixtureRequest, urls: tuple[str, str], postgres: EmbeddedPostgres
) -> AsyncIterator[Both]:
    together, alone = urls
    books = together if request.param == "one database" else alone
    name = psycopg.conninfo.conninfo_to_dict(books)["dbname"]
    with psycopg.connect(postgres.superuser_url(str(name))) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in ("accounts", "holds", "entries", "usage", "usage_daily"):
            connection.execute(f"DELETE FROM solaris.{table}".encode())
    with psycopg.connect(together) as connection:
        connection.execute('DELETE FROM "LiteLLM_SpendLogs"')
    made: Both
    async with PostgresLedger.connect(books, now=lambda: made.now) as ledger:
        made = Both(books, together, ledger)
        await ledger.put_account(ANA, AccountChange(time_zone="UTC"), actor="root")
        yield made


async def test_what_was_logged_and_booked_alike_is_equal(both: Both) -> None:
    for _ in range(3):
        log_call(both.logs, hold_id=await both.booked(), at=NOON)
    assert await both.compared() == [Reconciled(ANA, NOON.date(), Cause.EQUAL, 3, 90, 36, 90, 36)]


async def test_each_cause_is_told_by_account_with_its_tokens(both: Both) -> None:
    log_call(both.logs, hold_id=await both.booked(), at=NOON, prompt_tokens=31)
    log_call(both.logs, hold_id=await both.booked(source=UsageSource.ESTIMATE), at=NOON, prompt_tokens=25)
    log_call(both.logs, hold_id=await both.booked(usage=Usage(20, 0), source=UsageSource.SWEEP), at=NOON)
    log_call(both.logs, hold_id=await both.booked(source=UsageSource.SPEND_LOG), at=NOON)
    log_call(both.logs, hold_id=await both.booked(), at=NOON, cache_hit="True")
    await both.booked(usage=Usage(5, 1))
    await both.booked(usage=Usage(5, 2), source=UsageSource.ESTIMATE)
    found = {row.cause: row for row in await both.compared()}
    assert {cause: (row.calls, row.logged, row.booked, row.difference) for cause, row in found.items()} == {
        Cause.TOKENS_DIFFER: (1, 43, 42, -1),
        Cause.ESTIMATED: (2, 37 + 42, 42 + 20, -17),
        Cause.EQUAL: (1, 42, 42, 0),
        Cause.CACHED: (1, 42, 42, 0),
        Cause.NOT_LOGGED: (1, 0, 6, 6),
        Cause.ESTIMATED_ALONE: (1, 0, 7, 7),
    }
    assert {cause for cause in found if not cause.explained} == {Cause.TOKENS_DIFFER, Cause.NOT_LOGGED}


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ({"api_key": "litellm_proxy_master_key", "user": "default_user_id"}, Cause.MASTER_KEY),
        ({"api_key": "litellm-internal-health-check", "user": ""}, Cause.LITELLM_ITSELF),
        ({"call_type": "aembedding"}, Cause.UNMETERED_CALL_TYPE),
        ({"status": "failure", "completion_tokens": 0}, Cause.FAILED),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Cause.NOTHING_USED),
        ({}, Cause.UNMARKED),
        ({"hold_id": hold_id_of(NOON, 9)}, Cause.LOST),
    ],
)
async def test_why_a_logged_call_was_not_booked(both: Both, row: dict[str, object], cause: Cause) -> None:
    log_call(both.logs, at=NOON, **row)  # type: ignore[arg-type]
    assert await both.causes() == {cause: 1}


async def test_where_the_master_key_is_metered_its_calls_need_a_hold(both: Both) -> None:
    log_call(both.logs, at=NOON, api_key="litellm_proxy_master_key", user="default_user_id")
    assert await both.causes(meter_master_key=True) == {Cause.UNMARKED: 1}


async def test_a_call_that_still_holds_is_in_flight_until_it_is_booked(both: Both) -> None:
    hold_id = await both.held()
    log_call(both.logs, hold_id=hold_id, at=NOON)
    assert await both.causes() == {Cause.IN_FLIGHT: 1}
    await both.ledger.settle(Settlement(ANA, hold_id, "demo", 42, _USE, UsageSource.PROVIDER, details={}))
    assert await both.causes() == {Cause.EQUAL: 1}


async def test_a_release_is_right_for_a_failure_and_wrong_for_a_success(both: Both) -> None:
    released = [await both.held() for _ in range(3)]
    for hold_id in released:
        await both.ledger.release(ANA, hold_id)
    assert await both.causes() == {}
    log_call(both.logs, at=NOON, status="failure", completion_tokens=0)
    log_call(both.logs, hold_id=released[1], at=NOON, status="failure", completion_tokens=0)
    assert await both.causes() == {Cause.FAILED: 2}
    log_call(both.logs, hold_id=released[2], at=NOON)
    assert await both.causes() == {Cause.FAILED: 2, Cause.RELEASED: 1}


async def test_a_call_just_booked_may_not_be_logged_yet(both: Both) -> None:
    now = dt.datetime.now(dt.UTC)
    await both.booked(now)
    days = {"since": now.date() - dt.timedelta(days=1), "until": now.date() + dt.timedelta(days=1)}
    assert await both.causes(**days) == {Cause.NOT_LOGGED_YET: 1}


async def test_a_client_that_calls_its_success_a_failure_is_compared_all_the_same(both: Both) -> None:
    log_call(both.logs, hold_id=await both.booked(), at=NOON, status="failure")
    released = await both.held()
    await both.ledger.release(ANA, released)
    log_call(both.logs, hold_id=released, at=NOON, status="failure")
    assert await both.causes() == {Cause.EQUAL: 1, Cause.RELEASED: 1}


async def test_of_two_rows_of_one_call_the_successful_one_counts(both: Both) -> None:
    hold_id = await both.booked()
    log_call(both.logs, hold_id=hold_id, at=NOON, status="failure", completion_tokens=0)
    log_call(both.logs, hold_id=hold_id, at=NOON + dt.timedelta(minutes=70))
    assert await both.causes() == {Cause.EQUAL: 1}


@pytest.mark.parametrize(("cached", "cause"), [(10, Cause.EQUAL), (9, Cause.TOKENS_DIFFER), (None, Cause.EQUAL)])
async def test_cached_tokens_are_compared_where_litellm_has_them(both: Both, cached: object, cause: Cause) -> None:
    hold_id = await both.booked(usage=Usage(30, 12, cached_input_tokens=10))
    log_call(both.logs, hold_id=hold_id, at=NOON, cached_tokens=cached)
    assert await both.causes() == {cause: 1}


async def test_a_call_belongs_to_the_local_day_on_which_it_began(both: Both) -> None:
    zones = {"user:early": "Pacific/Kiritimati", "user:late": "Pacific/Niue", "user:utc": "UTC"}
    for account, zone in zones.items():
        await both.ledger.put_account(AccountId(account), AccountChange(time_zone=zone), actor="root")
    for hours in (-30, -18, -6, 6, 18, 30):
        for account in zones:
            at = NOON + dt.timedelta(hours=hours)
            log_call(both.logs, hold_id=await both.booked(at, account_id=AccountId(account)), at=at)
    day = NOON.date()
    rows = await both.compared(since=day - dt.timedelta(days=3), until=day + dt.timedelta(days=3))
    assert {(row.account_id, (row.day - day).days): row.calls for row in rows} == {
        ("user:early", -1): 1, ("user:early", 0): 2, ("user:early", 1): 2, ("user:early", 2): 1,
        ("user:late", -2): 1, ("user:late", -1): 2, ("user:late", 0): 2, ("user:late", 1): 1,
        ("user:utc", -1): 2, ("user:utc", 0): 2, ("user:utc", 1): 2,
    }  # fmt: skip
    alone = await both.compared()
    assert [(row.account_id, row.day, row.calls, row.cause) for row in alone] == [
        ("user:early", day, 2, Cause.EQUAL),
        ("user:late", day, 2, Cause.EQUAL),
        ("user:utc", day, 2, Cause.EQUAL),
    ]


async def test_one_account_is_compared_alone(both: Both) -> None:
    log_call(both.logs, hold_id=await both.booked(), at=NOON)
    log_call(both.logs, hold_id=await both.booked(account_id=AccountId("end_user:eva")), at=NOON, user="")
    log_call(both.logs, at=NOON, user="", api_key="77aa")
    assert [row.account_id for row in await both.compared()] == ["end_user:eva", "key:77aa", ANA]
    assert [row.account_id for row in await both.compared(account_id=AccountId("key:77aa"))] == ["key:77aa"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
async def test_the_sessions_time_zones_change_nothing(both: Both, zone: str) -> None:
    log_call(both.logs, hold_id=await both.booked(), at=NOON)
    log_call(both.logs, at=NOON)
    both.books, both.logs = (make_conninfo(url, options=f"-c TimeZone={zone}") for url in (both.books, both.logs))
    assert await both.causes() == {Cause.EQUAL: 1, Cause.UNMARKED: 1}


async def test_nothing_stays_behind(both: Both) -> None:
    await both.compared()
    with psycopg.connect(both.books) as connection:
        assert connection.execute("SELECT to_regclass('solaris_logged')").fetchone() == (None,)


async def test_a_database_without_litellm_s_logs_says_so(both: Both, postgres: EmbeddedPostgres) -> None:
    both.logs = fresh_database(postgres)
    with pytest.raises(SchemaError, match="litellm_database_url"):
        await both.compared()


def test_litellms_index_on_the_time_is_used(urls: tuple[str, str]) -> None:
    together, _ = urls
    with psycopg.connect(together) as connection:
        connection.execute(
            'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", updated_at) '
            "SELECT 'old-' || i, 'acompletion', now() - i * interval '1 minute', now(), now() "
            "FROM generate_series(1, 200000) AS i"
        )
        connection.execute('ANALYZE "LiteLLM_SpendLogs"')
        parameters = {"since": NOON, "until": NOON + dt.timedelta(days=1), "hold_ids": None}
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(f"EXPLAIN {statements()['spend_logs']}".encode(), parameters)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        connection.rollback()
    assert "LiteLLM_SpendLogs_startTime" in plan
    assert "Seq Scan" not in plan


async def test_a_call_that_was_not_booked_is_its_teams_where_the_team_shares_an_account(both: Both) -> None:
    await both.booked(account_id=AccountId("team:red"))
    for team in ("red", "blue"):
        log_call(both.logs, user="rui", team=team, at=NOON)
    unmarked = {row.account_id for row in await both.compared() if row.cause is Cause.UNMARKED}
    assert unmarked == {"team:red", "user:rui"}
