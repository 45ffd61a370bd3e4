"""What pages show beside accounts and their use: refusals, changes, events and messages, requests, a team, a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg

from solaris_hooks.ledger.batches import Action, ActionKind, Order, Selection
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.ids import AccountId
from tests.refused import holders, refusal

TEAM = AccountId("team:bench")
BUSY = AccountId("user:bench-5")
"""The account whose pages are asked for: of it there is more of everything."""

_ID = """
    (left(replace(solaris.uuid7_floor_v1(moment.at)::text, '-', ''), 13) || lpad(to_hex(i %% 4096), 3, '0') || '8'
        || substr(md5(i::text), 1, 15))::uuid
"""
"""A UUIDv7 of the time ``at``, with something of the number ``i``."""

_ACCOUNT = "CASE WHEN i %% 200 = 0 THEN %(busy)s ELSE 'user:bench-' || 1 + i %% %(accounts)s END"
_MOMENTS = (
    "generate_series(1, %(rows)s) AS i, LATERAL (SELECT now() - i * interval '60 days' / %(rows)s AS at) AS moment"
)

_REFUSALS = f"""
    INSERT INTO solaris.refusals (
        account_id, refusal_id, at, last_at, count, reason, status, message, call_type, path, model, key_prefix, locale,
        process, param, waited_ms, figures, asked, holders, holds_read_at)
    SELECT
        {_ACCOUNT}, {_ID}, moment.at, moment.at, 1 + i %% 3,
        (ARRAY['exhausted', 'contended', 'suspended', 'in_flight'])[1 + i %% 4], first.status, first.message,
        first.call_type, first.path, 'model-' || i %% 8, first.key_prefix, first.locale, first.process, NULL,
        first.waited_ms, first.figures, first.asked, first.holders, first.holds_read_at
    FROM {_MOMENTS}, (SELECT * FROM solaris.refusals LIMIT 1) AS first
"""
_REFUSALS_DAILY = """
    INSERT INTO solaris.refusals_daily (account_id, day, reason, count)
    SELECT account_id, (last_at AT TIME ZONE 'America/Sao_Paulo')::date, reason, sum(count)
    FROM solaris.refusals GROUP BY 1, 2, 3
    ON CONFLICT (account_id, day, reason) DO UPDATE SET count = excluded.count
"""
_AUDIT = f"""
    INSERT INTO solaris.audit (at, actor, action, account_id, subject, before, after, reason)
    SELECT
        now() - (%(rows)s - i) * interval '60 days' / %(rows)s, 'admin:person-' || i %% 20,
        (ARRAY['account.change', 'credits.grant', 'account.plan', 'account.preferences'])[1 + i %% 4], {_ACCOUNT},
        'user:bench-' || 1 + i %% %(accounts)s, '{{"name": "Person", "plan": "default"}}',
        '{{"name": "Someone", "plan": "basic"}}', 'as agreed, number ' || i
    FROM generate_series(1, %(rows)s) AS i
"""
_EVENTS = f"""
    INSERT INTO solaris.events (account_id, key, event_id, kind, at, details, in_chat, told_at, dispatched_at)
    SELECT
        {_ACCOUNT}, 'bench:' || i, md5('event' || i)::uuid, 'credit.granted', at,
        '{{"tokens": 5000, "origin": "grant", "reason": "thanks", "used": 1, "remaining": 2, "granted": 3}}',
        TRUE, at, at
    FROM {_MOMENTS} ORDER BY i DESC
"""
_DELIVERIES = f"""
    INSERT INTO solaris.deliveries (
        account_id, delivery_id, event_id, event_number, kind, channel, target, audience, state, attempts, last_error,
        created_at, attempted_at, ended_at)
    SELECT
        {_ACCOUNT}, {_ID}, md5('event' || i)::uuid, i, 'credit.granted', 'mail', 'person.' || i || '@example.org',
        'user',
        CASE WHEN i %% 20 = 0 THEN 'dead' ELSE 'sent' END, 1,
        CASE WHEN i %% 20 = 0 THEN '550 5.1.1 mailbox unavailable' END, at, at, at
    FROM {_MOMENTS}
"""
_REQUESTS = f"""
    INSERT INTO solaris.credit_requests (
        request_id, account_id, tokens, reason, state, requested_at, requested_by, decided_at, decided_by,
        decision_reason)
    SELECT
        {_ID}, {_ACCOUNT}, 250000, 'for the end of the quarter, ' || i, d.state, at, 'user:bench-' || i,
        CASE d.state WHEN 'rejected' THEN at END, CASE d.state WHEN 'rejected' THEN 'admin:marta' END,
        CASE d.state WHEN 'rejected' THEN 'the allowance renews tomorrow' END
    FROM {_MOMENTS}, LATERAL (SELECT CASE WHEN i %% 25 = 0 THEN 'requested' ELSE 'rejected' END AS state) AS d
"""
_VERIFICATIONS = f"""
    INSERT INTO solaris.verifications (
        verification_id, account_id, requested_by, began_at, seen_at, ended_at, accounts, entries, flaws, found)
    SELECT
        {_ID}, NULL, 'admin:marta', at, at, at, 100000, 1000000, 200, f.found
    FROM {_MOMENTS}, (
        SELECT jsonb_agg(
            jsonb_build_object('account', 'user:bench-' || n, 'entry', n, 'message', 'does not add up')) AS found
        FROM generate_series(1, 200) AS n) AS f
"""
_CHECKPOINTS = """
    INSERT INTO solaris.checkpoints (taken_at, accounts, sha256, key_id)
    SELECT now() - i * interval '1 day', 100000, sha256(i::text::bytea), 'a1b2c3d4'
    FROM generate_series(1, %(rows)s) AS i
"""
_LOTS = """
    INSERT INTO solaris.credit_lots (account_id, lot_id, tokens, remaining, origin, reason, actor, created_at)
    SELECT %(busy)s, gen_random_uuid(), 5000, 0, 'grant', 'thanks', 'admin:marta', now() - i * interval '1 day'
    FROM generate_series(1, %(rows)s) AS i
"""
_MEMBERS = """
    INSERT INTO solaris.members (account_id, member_id, email, period_start, used, created_at)
    SELECT %(team)s, 'user:bench-' || i, 'person.' || i || '@example.org', a.period_start, 100 * i, now()
    FROM generate_series(1, %(rows)s) AS i, solaris.accounts AS a WHERE a.account_id = %(team)s
"""
_HOLDS = """
    INSERT INTO solaris.holds (account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
    SELECT
        CASE WHEN i %% 10 = 0 THEN %(busy)s ELSE 'user:bench-' || i END, gen_random_uuid(), 'model-1', 100, 100, 1000,
        now(), now() + interval '1 hour'
    FROM generate_series(1, %(rows)s) AS i
"""
_TABLES = ("refusals", "refusals_daily", "audit", "events", "deliveries", "credit_requests", "members", "holds")


@dataclass(frozen=True, slots=True)
class Further:
    """How much there is beside accounts and use.

    Attributes:
        messages: events, and deliveries.
    """

    refusals: int
    changes: int
    messages: int
    requests: int
    members: int = 1_000
    of_a_batch: int = 1_000


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What addresses name."""

    refusal: UUID
    delivery: UUID
    request: UUID
    verification: UUID
    batch: UUID
    change: int


async def fill_further(url: str, accounts: int, further: Further) -> Landmarks:
    """Make all of it, in books that have their accounts.

    Args:
        url: of the database.
        accounts: how many there are.
        further: how much.
    """
    batch = await _through_the_ledger(url, min(further.of_a_batch, accounts))
    return await asyncio.to_thread(_fill, url, accounts, further, batch)


def _fill(url: str, accounts: int, further: Further, batch: UUID) -> Landmarks:
    parts: Mapping[str, int] = {
        _REFUSALS: further.refusals,
        _REFUSALS_DAILY: 0,
        _AUDIT: further.changes,
        _EVENTS: further.messages,
        _DELIVERIES: further.messages,
        _REQUESTS: further.requests,
        _VERIFICATIONS: 10,
        _CHECKPOINTS: 100,
        _LOTS: 100,
        _MEMBERS: further.members,
        _HOLDS: 500,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement, rows in parts.items():
            figures = {"rows": rows, "accounts": accounts, "busy": BUSY, "team": TEAM}
            connection.execute(statement.encode(), figures)
        for table in _TABLES:
            connection.execute(f"VACUUM (ANALYZE) solaris.{table}".encode())

        def newest(column: str, table: str) -> Any:
            """The largest of a column."""
            return connection.execute(f"SELECT max({column}::text) FROM solaris.{table}".encode()).fetchall()[0][0]

        change = connection.execute("SELECT max(number) FROM solaris.audit WHERE action = 'account.change'")
        return Landmarks(
            UUID(newest("refusal_id", "refusals")),
            UUID(newest("delivery_id", "deliveries")),
            UUID(newest("request_id", "credit_requests")),
            UUID(newest("verification_id", "verifications")),
            batch,
            change.fetchall()[0][0],
        )


async def _through_the_ledger(url: str, of_a_batch: int) -> UUID:
    """A team, a refusal with all its figures, and a batch; the id of the batch."""
    async with PostgresLedger.connect(url) as ledger:
        await ledger.put_account(TEAM, AccountChange(name="Bench"), actor="admin:marta")
        await ledger.refusals.write([refusal(account_id=BUSY, holders=holders(400, 300))])
        order = Order(
            uuid4().hex,
            Action(ActionKind.REACTIVATE),
            Selection([AccountId(f"user:bench-{1 + each}") for each in range(of_a_batch)]),
            "back from leave",
            "admin:marta",
        )
        return (await ledger.batches.run(order, seconds=600)).batch_id
