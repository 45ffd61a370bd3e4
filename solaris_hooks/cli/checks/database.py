"""PostgreSQL: whether the books are there, complete and in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from solaris_hooks.cli.checks.finding import Finding, fail, ok, warn
from solaris_hooks.cli.runtime import CONNECT_SECONDS
from solaris_hooks.ledger import migrations
from solaris_hooks.ledger.errors import translated
from solaris_hooks.ledger.vital_signs import CLOCK_SECONDS, LATE, OLDEST_POSTGRES, SILENT, WAITS
from solaris_hooks.settings import Settings

_WAITING = """
    SELECT (SELECT count(*) FROM solaris.deliveries WHERE state = 'pending' AND created_at < now() - %s::interval)
        + (SELECT count(*) FROM solaris.events WHERE dispatched_at IS NULL AND at < now() - %s::interval)
"""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What the database says of itself.

    Attributes:
        version: major version of PostgreSQL.
        clock_difference: database's clock less this machine's, seconds.
        pending: migrations that are missing.
        litellm_tables: whether LiteLLM's tables are in the same database.
        next_month: whether usage has its partition for the next month.
        expired_holds: holds whose lease ended a while ago.
        dead_deliveries: messages that were given up.
        waiting_deliveries: messages, and events of which none were made yet, that have waited for a while.
        worker_silent: how long no worker has been heard of; None where none was ever heard of, or all ended.
        plans: ids of all plans; empty where the schema is not up to date.
    """

    version: int
    clock_difference: float
    pending: Sequence[str]
    litellm_tables: bool
    next_month: bool
    expired_holds: int
    dead_deliveries: int = 0
    waiting_deliveries: int = 0
    worker_silent: dt.timedelta | None = None
    plans: frozenset[str] = frozenset()


def facts(conninfo: str) -> DatabaseFacts:
    """Ask the database.

    Raises:
        LedgerError: it cannot be reached or read.
    """
    pending = migrations.pending(conninfo)
    with translated(), psycopg.connect(conninfo, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        before = dt.datetime.now(dt.UTC)
        at = _value(connection, "SELECT clock_timestamp()")
        after = dt.datetime.now(dt.UTC)
        litellm = _value(
            connection, "SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = 'LiteLLM_VerificationToken')"
        )
        next_month, expired, dead, waiting, silent = True, 0, 0, 0, None
        plans: list[str] = []
        if not pending:
            next_month = _value(
                connection,
                "SELECT to_regclass('solaris.usage_' || to_char("
                "clock_timestamp() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM')) IS NOT NULL",
            )
            expired = _value(
                connection,
                "SELECT count(*) FROM solaris.holds WHERE lease_until < clock_timestamp() - %s::interval",
                LATE,
            )
            dead = _value(connection, "SELECT count(*) FROM solaris.deliveries WHERE state = 'dead'")
            waiting = _value(connection, _WAITING, WAITS, WAITS)
            silent = _value(
                connection, "SELECT clock_timestamp() - max(last_heartbeat) FROM solaris_jobs.procrastinate_workers"
            )
            plans = _value(connection, "SELECT array_agg(plan_id) FROM solaris.plans") or []
        return DatabaseFacts(
            version=connection.info.server_version // 10_000,
            clock_difference=(at - before - (after - before) / 2).total_seconds(),
            pending=pending,
            litellm_tables=litellm,
            next_month=next_month,
            expired_holds=expired,
            dead_deliveries=dead,
            waiting_deliveries=waiting,
            worker_silent=silent,
            plans=frozenset(plans),
        )


def _value(connection: psycopg.Connection, sql: str, *values: object) -> Any:
    row = connection.execute(sql.encode(), values).fetchone()
    return row[0] if row else None


def database(found: DatabaseFacts) -> list[Finding]:
    """All checks of the database."""
    return [
        version(found),
        schema(found),
        litellm_tables(found),
        clock(found),
        partitions(found),
        holds(found),
        worker(found),
        deliveries(found),
    ]


def plans_of_settings(found: DatabaseFacts, settings: Settings) -> Finding:
    """Whether every plan that the settings name is there: new users of one that is not would be refused."""
    named = {
        "default_plan": [settings.default_plan],
        "plan_by_team": settings.plan_by_team.values(),
        "plan_by_email_domain": settings.plan_by_email_domain.values(),
    }
    missing = [f'"{plan}" ({name})' for name, plans in named.items() for plan in plans if plan not in found.plans]
    if missing and not found.pending:
        return fail("plans", f"there is no {', '.join(missing)}; make it (`solaris plans set`) or name another.")
    return ok("plans", "of the settings are there")


def version(found: DatabaseFacts) -> Finding:
    """PostgreSQL's version."""
    if found.version < OLDEST_POSTGRES:
        return fail("postgresql", f"{found.version} is too old; use {OLDEST_POSTGRES} or newer.")
    return ok("postgresql", str(found.version))


def schema(found: DatabaseFacts) -> Finding:
    """Whether all migrations are applied."""
    if found.pending:
        return fail("schema", f"lacks {', '.join(found.pending)}; run `solaris migrate`.")
    return ok("schema", "is up to date")


def litellm_tables(found: DatabaseFacts) -> Finding:
    """Whether LiteLLM's logs can be asked how a lost request ended."""
    if found.litellm_tables:
        return ok("litellm tables", "are in the same database")
    return warn(
        "litellm tables",
        "are not in this database, so that lost requests are booked by estimate; "
        "start the proxy once, or give it and the plugin the same DATABASE_URL.",
    )


def clock(found: DatabaseFacts) -> Finding:
    """Whether this machine and the database agree what time it is."""
    if abs(found.clock_difference) > CLOCK_SECONDS:
        return warn(
            "clock",
            f"the database's is {found.clock_difference:+.1f} s from this machine's; synchronise both with NTP.",
        )
    return ok("clock", f"{found.clock_difference:+.2f} s")


def partitions(found: DatabaseFacts) -> Finding:
    """Whether usage has a place for the next month."""
    if found.pending:
        return warn("partitions", "were not checked; run `solaris migrate` first.")
    if not found.next_month:
        return warn("partitions", "usage has none for the next month; run `solaris migrate`, which makes it.")
    return ok("partitions", "usage has one for the next month")


def holds(found: DatabaseFacts) -> Finding:
    """Whether somebody ends the holds of requests that died."""
    if found.pending:
        return warn("holds", "were not checked; run `solaris migrate` first.")
    if found.expired_holds:
        return warn(
            "holds",
            f"{found.expired_holds:,} of dead requests wait to be ended; start a proxy, or run `solaris sweep`.",
        )
    return ok("holds", "none is left behind")


def worker(found: DatabaseFacts) -> Finding:
    """Whether somebody sends messages."""
    if found.pending:
        return warn("worker", "was not looked for; run `solaris migrate` first.")
    start = "start a proxy, or run `solaris worker`"
    if found.worker_silent is None:
        text = "none runs, so that nobody is told of anything"
        return warn("worker", f"{text}; {start}.") if found.waiting_deliveries else ok("worker", "none runs")
    if found.worker_silent > SILENT:
        minutes = int(found.worker_silent.total_seconds() // 60)
        return warn("worker", f"none has been heard of for {minutes:,} minutes; {start}.")
    return ok("worker", f"one was heard of {found.worker_silent.total_seconds():.0f} s ago")


def deliveries(found: DatabaseFacts) -> Finding:
    """Whether messages arrive."""
    if found.pending:
        return warn("deliveries", "were not checked; run `solaris migrate` first.")
    if found.dead_deliveries:
        return warn(
            "deliveries",
            f"{found.dead_deliveries:,} were given up; see `solaris deliveries list --state dead`.",
        )
    if found.waiting_deliveries:
        return warn("deliveries", f"{found.waiting_deliveries:,} have waited for more than ten minutes.")
    return ok("deliveries", "none was given up")
