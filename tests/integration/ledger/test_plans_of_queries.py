"""How PostgreSQL finds what the ledger asks for: by an index, however many accounts and entries there are.

PostgreSQL counts the scans of each table; what a function's own statements do is in these figures too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.queries import statements
from solaris_hooks.quota.ids import new_hold_id
from tests.benchmarks import filling

ACCOUNTS = 5_000
ANA = "user:bench-77"
HELD = UUID("01900000-0000-7000-8000-000000000001")
GROWING = {
    "accounts",
    "entries",
    "usage",
    "usage_daily",
    "holds",
    "credit_lots",
    "audit",
    "credit_requests",
    "members",
    "member_daily",
    "account_summaries",
    "usage_hourly",
    "usage_of_plans",
    "usage_of_teams",
}
TEAM, RUI = "team:bench", "user:bench-77"
_SCANS = "SELECT relname, seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'solaris'"

_METERING: Mapping[str, object] = {
    "account_id": ANA,
    "hold_id": HELD,
    "model": filling.MODEL,
    "prompt": 600,
    "lease_seconds": 120,
    "now": None,
    "email": "ana@example.org",
    "want": 5_000,
    "minimum": 601,
    "ample": None,
    "fair": None,
    "step": None,
    "create": True,
    "plan_id": "default",
    "locale": "pt_BR",
    "time_zone": "America/Sao_Paulo",
    "anchor_day": 1,
    "status": "active",
    "amount": 6_000,
    "charge": 640,
    "input_tokens": 600,
    "cached_input_tokens": 0,
    "output_tokens": 40,
    "reasoning_tokens": 0,
    "source": "provider",
    "details": "{}",
    "member_id": None,
}

_ALL_CHANGES: Mapping[str, object] = {
    "action": None,
    "actor": None,
    "since": None,
    "before": None,
    "batch_id": None,
    "limit": 50,
}
_ALL_REQUESTS: Mapping[str, object] = {
    "request_id": None,
    "state": None,
    "requested_by": None,
    "before": None,
    "limit": 50,
}
_LIST: Mapping[str, object] = {
    "query": "",
    "status": None,
    "plan_id": None,
    "percent_from": None,
    "percent_below": None,
    "used_after": None,
    "used_before": None,
    "sort": "id",
    "descending": False,
    "after_value": None,
    "after_id": None,
    "limit": 51,
}
_NOW = dt.datetime.now(dt.UTC)
_PLACES = {"use_percent": "1", "used": "100", "remaining": "1000", "created": "2026-01-01Z", "last_used": "-infinity"}


@pytest.fixture(scope="module")
def filled_url(postgres: EmbeddedPostgres) -> str:
    """Books that are large enough for PostgreSQL to prefer its indexes."""
    url = fresh_database(postgres)
    migrate(url)
    filling.fill(url, ACCOUNTS)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO solaris.holds SELECT account_id, gen_random_uuid(), 'demo', 1, 1, 1, now(), "
            "now() + interval '1 hour' FROM solaris.accounts"
        )
        connection.execute(
            "INSERT INTO solaris.credit_lots SELECT account_id, gen_random_uuid(), 1, 1, 'grant', 'r', 'a', now(), NULL"
            " FROM solaris.accounts"
        )
        connection.execute("UPDATE solaris.accounts SET held = 1, credits_remaining = 1")
        connection.execute(
            "INSERT INTO solaris.credit_lots VALUES (%s, %s, 1, 0, 'grant', 'r', 'a', now(), NULL)", (ANA, HELD)
        )
        connection.execute(
            "INSERT INTO solaris.audit (at, actor, action, account_id, subject)"
            " SELECT now(), 'a', 'account.change', account_id, account_id FROM solaris.accounts"
        )
        connection.execute(
            "INSERT INTO solaris.credit_requests (request_id, account_id, tokens, reason, state, requested_at,"
            " requested_by, decided_at, decided_by) SELECT gen_random_uuid(), account_id, 1, 'r', 'rejected', now(),"
            " account_id, now(), 'a' FROM solaris.accounts"
        )
        connection.execute(
            "SELECT solaris.open_account_v2(%s, 'default', 'en', 'America/Sao_Paulo', 1, NULL, 'active', NULL)", (TEAM,)
        )
        connection.execute(
            "INSERT INTO solaris.members (account_id, member_id, period_start, created_at)"
            " SELECT t.account_id, m.account_id, t.period_start, now()"
            " FROM solaris.accounts AS t, solaris.accounts AS m"
            " WHERE t.account_id = %s AND m.account_id LIKE 'user:%%'",
            (TEAM,),
        )
        connection.execute(
            "INSERT INTO solaris.member_daily SELECT m.account_id, m.member_id, current_date - n, 'm', 1, 0, 1, 0, 1, 2"
            " FROM solaris.members AS m, generate_series(1, 3) AS n"
        )
        connection.execute(
            "INSERT INTO solaris.usage_hourly SELECT now() - h * interval '1 hour', 'm' || m, 1, 0, 1, 0, 1, 1"
            " FROM generate_series(1, 4000) AS h, generate_series(1, 5) AS m"
        )
        connection.execute(
            "INSERT INTO solaris.usage_of_plans SELECT current_date - d, 'p' || p, 'm' || m, 1, 0, 1, 0, 1, 1"
            " FROM generate_series(1, 1000) AS d, generate_series(1, 4) AS p, generate_series(1, 5) AS m"
        )
        connection.execute(
            "INSERT INTO solaris.usage_of_teams"
            " SELECT current_date - d, 't' || t, 'm' || m, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0"
            " FROM generate_series(1, 1000) AS d, generate_series(1, 4) AS t, generate_series(1, 5) AS m"
        )
        connection.execute("UPDATE solaris.accounts SET status = 'suspended' WHERE account_id LIKE '%%00'", {})
        connection.execute("ANALYZE")
    return url


@pytest.fixture
def transaction(filled_url: str) -> Iterator[psycopg.Connection]:
    """A transaction over them that is undone."""
    with psycopg.connect(filled_url) as connection:
        yield connection
        connection.rollback()


def scanned(transaction: psycopg.Connection, name: str, **parameters: object) -> tuple[set[str], set[str]]:
    """Which of the tables that grow a statement read from end to end, and which by an index."""
    before = {table: (whole, by_index) for table, whole, by_index in transaction.execute(_SCANS)}
    given = {**_METERING, **parameters}
    transaction.execute(statements()[name].encode(), given).fetchall()
    whole, by_index = set(), set()
    for table, seq_scans, index_scans in transaction.execute(_SCANS):
        seq_before, index_before = before.get(table, (0, 0))
        kind = "usage" if table.startswith("usage_2") or table == "usage_default" else table
        if kind in GROWING and seq_scans > (seq_before or 0):
            whole.add(kind)
        if kind in GROWING and (index_scans or 0) > (index_before or 0):
            by_index.add(kind)
    return whole, by_index


def test_the_scans_of_a_whole_table_are_seen(transaction: psycopg.Connection) -> None:
    before = {table: whole for table, whole, _ in transaction.execute(_SCANS)}
    transaction.execute("SELECT count(*) FROM solaris.entries WHERE reason = 'x'")
    after = {table: whole for table, whole, _ in transaction.execute(_SCANS)}
    assert after["entries"] > before.get("entries", 0)


@pytest.mark.parametrize("account_id", [ANA, "user:new"])
def test_a_request_s_hold_growth_and_settlement_read_no_table_whole(
    transaction: psycopg.Connection, account_id: str
) -> None:
    hold_id = new_hold_id()
    for name in ("hold", "hold", "extend", "settle", "settle", "release"):
        whole, by_index = scanned(transaction, name, account_id=account_id, hold_id=hold_id)
        assert whole == set(), name
        assert "accounts" in by_index, name


@pytest.mark.parametrize("member", [RUI, "user:new"])
def test_so_do_those_of_a_team_with_very_many_members(transaction: psycopg.Connection, member: str) -> None:
    hold_id = new_hold_id()
    for name in ("hold", "hold", "extend", "settle", "settle", "hold", "release"):
        whole, by_index = scanned(transaction, name, account_id=TEAM, hold_id=hold_id, member_id=member)
        assert whole == set(), name
        assert {"accounts", "members"} <= by_index, name


def test_a_renewal_a_full_hold_and_an_overage_read_no_table_whole(transaction: psycopg.Connection) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
    hold_id = new_hold_id()
    for name, parameters in (
        ("hold", {"now": later, "want": 10_000_000, "minimum": 1}),
        ("settle", {"now": later, "charge": 20_000_000}),
    ):
        whole, _ = scanned(transaction, name, hold_id=hold_id, **parameters)
        assert whole == set(), name


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("account", {}),
        ("accounts", {"query": "", "after": None, "limit": 50}),
        ("accounts", {"query": "", "after": ANA, "limit": 50}),
        ("accounts", {"query": filling.RARE, "after": None, "limit": 50}),
        ("accounts", {"query": "@example", "after": None, "limit": 50}),
        ("accounts", {"query": "nobody", "after": ANA, "limit": 50}),
        ("lots", {"account_ids": [ANA, "user:bench-78"]}),
        ("all_lots", {"limit": 50, "before": None}),
        ("expire_due", {"limit": 50, "now": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}),
        ("revoke_credits", {"lot_id": HELD, "reason": "r", "actor": "a", "key": "k"}),
        ("audit", {**_ALL_CHANGES}),
        ("audit", {**_ALL_CHANGES, "account_id": None}),
        ("audit", {**_ALL_CHANGES, "account_id": None, "before": 100}),
        ("credit_requests", {**_ALL_REQUESTS}),
        ("credit_requests", {**_ALL_REQUESTS, "account_id": None}),
        ("credit_requests", {**_ALL_REQUESTS, "account_id": None, "state": "requested"}),
        ("credit_requests", {**_ALL_REQUESTS, "account_id": None, "request_id": HELD, "limit": 1}),
        ("accounts_named", {"account_ids": [ANA, "user:bench-78", "user:nobody"]}),
        ("requests_waiting", {"limit": 50, "after": None}),
        ("requests_waiting", {"limit": 50, "after": 7}),
        ("requests_waiting_count", {}),
        ("entries", {"limit": 50, "before": None}),
        ("entries", {"limit": 50, "before": 5}),
        ("daily_usage", {"since": dt.date(2026, 1, 1), "until": dt.date(2030, 1, 1)}),
        ("claim_expired", {"limit": 20, "claim_seconds": 60}),
        ("renew_leases", {"account_ids": [ANA], "hold_ids": [HELD]}),
        ("holds", {"limit": 100}),
        ("credit_requests", {**_ALL_REQUESTS, "account_id": TEAM, "requested_by": RUI}),
        ("members", {"account_id": TEAM, "member_id": None, "after": None, "limit": 51}),
        ("members", {"account_id": TEAM, "member_id": None, "after": RUI, "limit": 51}),
        ("members", {"account_id": TEAM, "member_id": RUI, "after": None, "limit": 1}),
        (
            "member_daily",
            {"account_id": TEAM, "member_id": RUI, "since": dt.date(2026, 1, 1), "until": dt.date(2030, 1, 1)},
        ),
        (
            "put_member_limit",
            {"account_id": TEAM, "member_id": RUI, "is_own": True, "limit": 7, "reason": "r", "actor": "a"},
        ),
        ("tell_member", {"account_id": TEAM, "member_id": RUI, "before": 0, "percent": 80}),
        ("team_known", {"account_id": TEAM}),
    ],
)
def test_what_people_and_the_sweeper_ask_for_is_found_by_an_index(
    transaction: psycopg.Connection, name: str, parameters: Mapping[str, object]
) -> None:
    whole, by_index = scanned(transaction, name, **parameters)
    assert whole == set()
    assert by_index


@pytest.mark.parametrize("sort", [*_PLACES, "id"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("later", [False, True])
def test_a_list_in_any_order_is_read_by_an_index(
    transaction: psycopg.Connection, sort: str, *, descending: bool, later: bool
) -> None:
    place = {"after_value": _PLACES.get(sort, ""), "after_id": ANA} if later else {}
    whole, by_index = scanned(
        transaction, "list_accounts", **{**_LIST, "sort": sort, "descending": descending, **place}
    )
    assert whole == set()
    assert "account_summaries" in by_index


@pytest.mark.parametrize("sort", ["used", "last_used", "id"])
@pytest.mark.parametrize(
    "wanted",
    [
        {"status": "suspended"},
        {"plan_id": "nobody-has-it"},
        {"percent_from": 80, "percent_below": 95},
        {"used_before": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
        {"query": filling.RARE},
        {"query": "@example"},
        {"query": "nobody has it"},
    ],
)
def test_a_filtered_list_is_read_by_an_index(
    transaction: psycopg.Connection, wanted: Mapping[str, object], sort: str
) -> None:
    whole, _ = scanned(transaction, "list_accounts", **{**_LIST, **wanted, "sort": sort, "descending": True})
    assert whole == set()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("roll_up", {"limit": 1000}),
        ("active_since", {"since": _NOW + dt.timedelta(days=1)}),
        ("use_by_hours", {"starts": [_NOW - dt.timedelta(hours=48)], "ends": [_NOW]}),
        ("use_by_days", {"starts": [_NOW.date() - dt.timedelta(days=30)], "ends": [_NOW.date()]}),
        ("names_of_accounts", {"account_ids": [ANA]}),
        ("report_accounts", {"after": ANA, "limit": 25}),
        (
            "report_of_accounts",
            {
                "account_ids": [ANA],
                "unit": "day",
                "first_day": _NOW.date() - dt.timedelta(days=30),
                "last_day": _NOW.date(),
            },
        ),
        (
            "report_of_plans",
            {"unit": "day", "first_day": _NOW.date() - dt.timedelta(days=30), "last_day": _NOW.date()},
        ),
        (
            "report_of_teams",
            {
                "unit": "day",
                "first_day": _NOW.date() - dt.timedelta(days=30),
                "last_day": _NOW.date(),
                "by_team": True,
            },
        ),
    ],
)
def test_figures_over_all_accounts_read_no_table_whole(
    transaction: psycopg.Connection, name: str, parameters: Mapping[str, object]
) -> None:
    whole, _ = scanned(transaction, name, **parameters)
    assert whole == set()


@pytest.mark.parametrize(
    ("name", "index"), [("calls_of_member", "member_id_hold_id_idx"), ("refusals_of_member", "refusals_of_member")]
)
def test_a_member_s_own_is_read_in_the_order_of_an_index(
    transaction: psycopg.Connection, name: str, index: str
) -> None:
    """These tables are empty here, and so would be read whole: what is shown is that the index serves."""
    transaction.execute("SET LOCAL enable_seqscan = off")
    transaction.execute("SET LOCAL enable_bitmapscan = off")
    nothing = dict.fromkeys(("before", "reason", "model", "since", "until", "fold"))
    given = {**nothing, "account_id": TEAM, "member_id": RUI, "limit": 11}
    explained = transaction.execute(b"EXPLAIN " + statements()[name].encode(), given).fetchall()
    plan = "\n".join(line for (line,) in explained)
    assert index in plan
    assert "Sort  (" not in plan


def test_holds_and_settlements_do_not_write_summaries(transaction: psycopg.Connection) -> None:
    """Nor do they begin a trigger: what is granted stays the same."""
    transaction.execute("UPDATE solaris.account_summaries SET used = -1 WHERE account_id = %s", (ANA,))
    hold_id = new_hold_id()
    for name in ("hold", "extend", "settle"):
        scanned(transaction, name, hold_id=hold_id)
    assert transaction.execute(
        "SELECT used FROM solaris.account_summaries WHERE account_id = %s", (ANA,)
    ).fetchall() == [(-1,)]


def test_an_account_that_is_only_looked_at_is_not_written(transaction: psycopg.Connection) -> None:
    written = sql.SQL("SELECT sum(n_tup_upd) FROM pg_stat_xact_user_tables WHERE schemaname = 'solaris'")
    for name in ("account", "accounts"):
        transaction.execute(statements()[name].encode(), {**_METERING, "query": "", "after": None, "limit": 50})
    assert transaction.execute(written).fetchall() == [(0,)]
