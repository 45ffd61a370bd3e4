"""Compare what LiteLLM logged with what was booked, call by call, and sum up by account, day and cause.

PostgreSQL does the work, on disk where memory is short: LiteLLM's rows of the time are copied, a few
columns of each, into a table that lives as long as the transaction; there they are joined with the
books by hold id. So LiteLLM's logs may be in another database, and a month of calls needs no more
memory here than a day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from solaris_hooks.ledger.errors import translated
from solaris_hooks.ledger.queries import statements
from solaris_hooks.ledger.spend_logs import CLOCK_TOLERANCE, LiteLLMSpendLogs
from solaris_hooks.quota.ids import AccountId

_BATCH = 1000

EARLIEST, _LATEST = dt.timedelta(hours=14), dt.timedelta(hours=12)
"""A day begins first in UTC+14, and ends last in UTC-12."""

_FLUSH = dt.timedelta(minutes=10)
"""LiteLLM writes its logs in batches, every few seconds, and later when it is busy."""

MASTER_KEY_NAMES = ("litellm_proxy_master_key",)
"""What LiteLLM logs in place of its master key's hash."""

LITELLM_NAMES = ("litellm-internal-health-check", "litellm_internal_jobs")
"""What LiteLLM logs as the key of calls of its own."""


class Cause(StrEnum):
    """What the two records of a call say, and why they differ."""

    EQUAL = "equal"
    CACHED = "cached"
    ESTIMATED = "estimated"
    ESTIMATED_ALONE = "estimated_alone"
    NOT_LOGGED_YET = "not_logged_yet"
    IN_FLIGHT = "in_flight"
    FAILED = "failed"
    NOTHING_USED = "nothing_used"
    MASTER_KEY = "master_key"
    LITELLM_ITSELF = "litellm_itself"
    UNMETERED_CALL_TYPE = "unmetered_call_type"
    TOKENS_DIFFER = "tokens_differ"
    NOT_LOGGED = "not_logged"
    RELEASED = "released"
    LOST = "lost"
    UNMARKED = "unmarked"

    @property
    def explained(self) -> bool:
        """Whether nobody needs to look into it."""
        return self not in _UNEXPLAINED

    @property
    def words(self) -> str:
        """What it means, for an administrator."""
        return _WORDS[self]


_UNEXPLAINED = frozenset({Cause.TOKENS_DIFFER, Cause.NOT_LOGGED, Cause.RELEASED, Cause.LOST, Cause.UNMARKED})

_WORDS = {
    Cause.EQUAL: "logged and booked, with the same tokens",
    Cause.CACHED: "answered from LiteLLM's cache: booked, though no provider was called",
    Cause.ESTIMATED: "booked by estimate, since no provider's figures came; LiteLLM's are its own count, or came later",
    Cause.ESTIMATED_ALONE: "booked by estimate; LiteLLM logged no success: the answer broke off or its process died",
    Cause.NOT_LOGGED_YET: "booked just now; LiteLLM writes its logs later",
    Cause.IN_FLIGHT: "logged; still held, and booked when it settles or is swept",
    Cause.FAILED: "failed or refused: nothing to book",
    Cause.NOTHING_USED: "logged without tokens: nothing to book",
    Cause.MASTER_KEY: "asked with the master key, which is not metered (meter_master_key)",
    Cause.LITELLM_ITSELF: "LiteLLM's own call, such as a health check",
    Cause.UNMETERED_CALL_TYPE: "a type of call that the setting unmetered_call_types lets pass",
    Cause.TOKENS_DIFFER: "logged and booked, but with other figures of input, cached input or output",
    Cause.NOT_LOGGED: "booked, but not in LiteLLM's logs: they are off, lossy, cleaned up, or elsewhere",
    Cause.RELEASED: "LiteLLM logged a success, but its hold was released and nothing booked",
    Cause.LOST: "logged with a hold that the books do not know",
    Cause.UNMARKED: "logged without a hold: it went past the plugin, or the plugin was not loaded",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare.

    Attributes:
        since: first day, in each account's time zone. A call belongs to the day on which it began.
        until: last day.
        account_id: one account alone, or all.
        time_zone: of days of payers without an account.
        meter_master_key: whether calls with the master key should have been booked.
        unmetered_call_types: LiteLLM call types that may pass without being booked.
        longest_call: how long a call may run; LiteLLM stamps a retry with its own beginning.
    """

    since: dt.date
    until: dt.date
    account_id: AccountId | None
    time_zone: str
    meter_master_key: bool
    unmetered_call_types: Sequence[str]
    longest_call: dt.timedelta


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Calls of one account that began on one day and have one cause; tokens before weights.

    Attributes:
        account_id: who pays. Of calls that were not booked: the user or the key that LiteLLM logged.
    """

    account_id: str
    day: dt.date
    cause: Cause
    calls: int
    logged_input: int
    logged_output: int
    booked_input: int
    booked_output: int

    @property
    def logged(self) -> int:
        """Tokens that LiteLLM logged."""
        return self.logged_input + self.logged_output

    @property
    def booked(self) -> int:
        """Tokens that were booked."""
        return self.booked_input + self.booked_output

    @property
    def difference(self) -> int:
        """Tokens booked beyond those logged; below 0 where fewer were booked."""
        return self.booked - self.logged


async def reconciled(conninfo: str, logs: LiteLLMSpendLogs, question: Question) -> AsyncIterator[Reconciled]:
    """Compare; yields sums in order of account, day and cause.

    Args:
        conninfo: the books' PostgreSQL. Its role must be allowed temporary tables, as all are by default.
        logs: LiteLLM's.
        question: what to compare.

    Raises:
        SchemaError: the books, or LiteLLM's logs, are not there.
        LedgerError: a database cannot be reached or read.
    """
    since = dt.datetime.combine(question.since, dt.time(), dt.UTC) - EARLIEST
    until = dt.datetime.combine(question.until + dt.timedelta(days=1), dt.time(), dt.UTC) + _LATEST
    parameters = {
        "since": since,
        "until": until,
        "first_day": question.since,
        "last_day": question.until,
        "account_id": question.account_id,
        "time_zone": question.time_zone,
        "master_keys": [] if question.meter_master_key else list(MASTER_KEY_NAMES),
        "litellm_keys": list(LITELLM_NAMES),
        "unmetered_call_types": list(question.unmetered_call_types),
        "flush": _FLUSH,
    }
    with translated():
        connection = await psycopg.AsyncConnection.connect(conninfo, row_factory=dict_row, prepare_threshold=None)
        try:  # the temporary table goes with the connection's one transaction, which changes nothing else
            await _copy(
                connection,
                logs,
                since=since - CLOCK_TOLERANCE,
                until=until + question.longest_call + CLOCK_TOLERANCE,
            )
            async with connection.cursor(name="solaris_reconcile") as cursor:
                cursor.itersize = _BATCH
                await cursor.execute(statements()["reconcile"].encode(), parameters)
                async for row in cursor:
                    yield Reconciled(**{**row, "cause": Cause(row["cause"])})
        finally:
            await connection.close()


async def _copy(
    connection: AsyncConnection[DictRow], logs: LiteLLMSpendLogs, *, since: dt.datetime, until: dt.datetime
) -> None:
    await connection.execute(statements()["reconcile_logged"].encode())
    async with connection.cursor() as cursor, cursor.copy(b"COPY solaris_logged FROM STDIN") as into:
        async for piece in logs.copied(since=since, until=until):
            await into.write(piece)
    await connection.execute(b"ANALYZE solaris_logged")
