"""Many accounts with a history, made by a few statements in PostgreSQL.

The digests of these entries are not those that the ledger would have written: nothing that is timed here reads them,
and computing them one after the other would take longer than everything else. So such books do not verify.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import psycopg

ENTRIES = 10
"""Of each account; the first one is its opening."""
CALLS = 3
"""Of each account: rows of usage, and days with totals."""
RARE = "zuleika"
"""In the names of ten accounts, however many there are."""
MODEL = "demo"

_TRIGRAMS = "solaris.accounts_by_trigram"
_ACCOUNTS = """
    INSERT INTO solaris.accounts (
        account_id, plan_id, plan_tokens, plan_revision, adopted_plan_id, email, name, locale, time_zone, anchor_day,
        period_start, period_end, allowance_granted, allowance_used, entries, chain, created_at, last_used_at)
    SELECT
        'user:bench-' || n, 'default', p.monthly_tokens, p.revision, 'default', 'person.' || n || '@example.org',
        CASE WHEN n %% (%(accounts)s / 10) = 0 THEN 'Zuleika ' ELSE 'Person ' END || n, 'pt_BR', 'America/Sao_Paulo', 1,
        b.starts, b.ends, p.monthly_tokens, 640 * (%(entries)s - 1), %(entries)s, sha256(n::text::bytea), now(), now()
    FROM solaris.plans AS p, solaris.period_bounds_v1(now(), 'America/Sao_Paulo', 1) AS b,
        generate_series(1, %(accounts)s) AS n
    WHERE p.plan_id = 'default'
"""
_HISTORY = (
    """
    INSERT INTO solaris.entries (
        account_id, number, kind, tokens, allowance_after, credits_after, overage_after, at, actor,
        idempotency_key, details, previous_hash, hash)
    SELECT
        'user:bench-' || n, i, CASE i WHEN 1 THEN 'opening' ELSE 'usage' END, -640, 1000000 - 640 * i, 0, 0,
        now() - interval '1 hour' + i * interval '1 minute', 'proxy', 'usage:' || n || '-' || i,
        '{"model": "demo", "source": "provider", "input_tokens": 600, "output_tokens": 40}', sha256('before'),
        sha256('it')
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n, generate_series(1, %(entries)s) AS i
    """,
    """
    INSERT INTO solaris.usage (
        account_id, hold_id, status, model, source, charge, overage, input_tokens, cached_input_tokens,
        output_tokens, reasoning_tokens, held, held_at, ended_at)
    SELECT
        'user:bench-' || n,
        (lpad(to_hex((extract(EPOCH FROM date_trunc('month', now())) * 1000)::bigint + i), 12, '0') || '7000' || '8'
            || substr(md5(n || '-' || i), 1, 15))::uuid,
        'settled', %(model)s, 'provider', 640, 0, 600, 0, 40, 0, 5000, now(), now()
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n, generate_series(1, %(calls)s) AS i
    """,
    """
    INSERT INTO solaris.usage_daily (
        account_id, day, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge)
    SELECT 'user:bench-' || n, current_date - i, %(model)s, 1, 0, 600, 0, 40, 640
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n, generate_series(1, %(calls)s) AS i
    """,
)


def fill(url: str, accounts: int) -> None:
    """Make accounts ``user:bench-1`` and so on, each with entries, usage and daily totals.

    Args:
        url: a database with the schema and no accounts.
        accounts: how many; at least ten.
    """
    figures = {"accounts": accounts, "entries": ENTRIES, "calls": CALLS, "model": MODEL}
    middle = accounts // 2
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor(2) as halves:
        connection.execute("SET maintenance_work_mem = '512MB'")
        # An index of this kind is made several times as fast after its rows as along with them.
        definition = connection.execute("SELECT pg_get_indexdef(%s::regclass)", (_TRIGRAMS,)).fetchall()[0][0]
        connection.execute(f"DROP INDEX {_TRIGRAMS}")
        connection.execute(_ACCOUNTS, figures)
        first = halves.submit(_history, url, figures | {"first": 1, "last": middle})
        second = halves.submit(_history, url, figures | {"first": middle + 1, "last": accounts})
        connection.execute(definition)
        first.result()
        second.result()
        for table in ("accounts", "entries", "usage", "usage_daily", "plans"):
            connection.execute(f"VACUUM (ANALYZE) solaris.{table}")


def _history(url: str, figures: Mapping[str, object]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement in _HISTORY:
            connection.execute(statement, figures)


def account_number(place: int, *, of: int, accounts: int) -> int:
    """The number of one of ``of`` accounts that are spread over all accounts."""
    return 1 + (place % of) * (accounts // of)
