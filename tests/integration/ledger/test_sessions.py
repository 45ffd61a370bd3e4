"""What a database's own settings must not change."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import EntryKind

from .conftest import empty
from .world import Clock, World, facts, utc


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Kathmandu"])
async def test_times_are_utc_whatever_the_session_s_zone(ledger_url: str, superuser_url: str, zone: str) -> None:
    empty(superuser_url)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        owner = sql.Identifier(str(conninfo_to_dict(ledger_url)["user"]))
        connection.execute(sql.SQL("ALTER ROLE {} SET timezone = {}").format(owner, zone))
        try:
            async with PostgresLedger.connect(ledger_url, now=Clock()) as ledger:
                world = World(ledger, Clock())
                await world.held()
                account = await world.grant(5, expires_at=utc("2026-06-01"))
                (hold,) = await ledger.holds()
                entry = await world.last(EntryKind.CREDIT)
        finally:
            connection.execute(sql.SQL("ALTER ROLE {} RESET timezone").format(owner))
    times = [account.balance.period.start, account.balance.renews_at, account.created_at, hold.lease_until, entry.at]
    assert {time.utcoffset() for time in times} == {dt.timedelta(0)}
    kept = dt.datetime.fromisoformat(str(facts(entry)["expires_at"]))
    assert (kept, kept.utcoffset()) == (utc("2026-06-01"), dt.timedelta(0))
