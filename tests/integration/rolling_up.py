"""Totals brought up to now, as the proxy's upkeep does every few seconds."""

from __future__ import annotations

import asyncio
import datetime as dt

from solaris_hooks.ledger.postgres import PostgresLedger

_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_PATIENCE_SECONDS = 60


async def roll_up(ledger: PostgresLedger, *, now: dt.datetime | None = None) -> None:
    """Have everything so far in the totals.

    A round only adds what ended before all transactions that still write in the server, and PostgreSQL's own
    (autovacuum's) are among them: one or two rounds are not always enough.

    Args:
        ledger: whose totals.
        now: by its clock; None for the time it is.
    """
    began = now or dt.datetime.now(dt.UTC)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while (await ledger.totals.as_of() or _NEVER) < began:
            await ledger.rollup.roll_up()
