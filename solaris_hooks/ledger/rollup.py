"""Keeps the totals over all accounts, and what lists sort by, a few seconds behind the books.

Any number of processes may do this at once: each round of it is done by one of them. See docs/decisions/0034.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.statements import Statements

CALLS = 50_000
"""Settled calls that one transaction adds at the most."""

_TRANSACTIONS = 20
"""In a row, where more calls wait: whoever keeps leases alive beside it must get his turn."""

_COUNT_AGE = dt.timedelta(seconds=8)
TOP = 100
"""How many of those who used most are kept."""


def top_spans(today: dt.date) -> Sequence[tuple[dt.date, dt.date, dt.timedelta]]:
    """The days over which is kept who used most, and how old that may be.

    Today; the last 7, 30 and 90 days; this month and the last one.

    Args:
        today: the local day it is.
    """
    month = today.replace(day=1)
    last_month = (month - dt.timedelta(days=1)).replace(day=1)
    minutes = [(today, today, 1), (month, today, 5), (last_month, month - dt.timedelta(days=1), 60)]
    minutes += [(today - dt.timedelta(days=days - 1), today, 5 if days <= 7 else 15) for days in (7, 30, 90)]  # noqa: PLR2004
    return [(first, last, dt.timedelta(minutes=age)) for first, last, age in minutes]


class Rollup:
    """See the module."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def round(self, *, time_zone: str) -> None:
        """Bring everything up to now, as far as it is due.

        Args:
            time_zone: of the administrators' days.

        Raises:
            LedgerError: the books cannot be reached.
        """
        await self.roll_up()
        await self._statements.one("count_accounts", {"age": _COUNT_AGE, "now": self._clock()})
        today = (self._clock() or dt.datetime.now(dt.UTC)).astimezone(ZoneInfo(time_zone)).date()
        for first, last, age in top_spans(today):
            await self._statements.one(
                "refresh_top",
                {"first_day": first, "last_day": last, "limit": TOP, "age": age, "now": self._clock()},
            )

    async def roll_up(self) -> bool:
        """Add what was settled to the totals. Returns whether more is known to wait."""
        for _ in range(_TRANSACTIONS):
            row = await self._statements.one("roll_up", {"limit": CALLS, "now": self._clock()})
            if not row["behind"]:
                return False
        return True
