"""What is done now and then, once over all processes: each is a periodic job."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from solaris_hooks.ledger.deliveries import Deliveries

_LOG = logging.getLogger(__name__)

PURGE_BATCH = 1000
_MOST_PURGES = 100


@dataclass(frozen=True, slots=True)
class PeriodicChore:
    """Something that wants doing again and again.

    Attributes:
        name: of the job; keep it.
        cron: when, UTC: minute, hour, day of the month, month, day of the week.
        work: does it; a failure is logged, and the next time it is tried again.
    """

    name: str
    cron: str
    work: Callable[[], Awaitable[object]]


def purge(deliveries: Deliveries, *, keep_days: int) -> PeriodicChore:
    """Forgets deliveries that ended, and events that everybody was told of, after some days."""

    async def work() -> None:
        gone = 0
        for _ in range(_MOST_PURGES):
            batch = await deliveries.purge(older_than=dt.timedelta(days=keep_days), limit=PURGE_BATCH)
            gone += batch
            if batch < PURGE_BATCH:
                break
        if gone:
            _LOG.info("forgot %d deliveries and events older than %d days", gone, keep_days)

    return PeriodicChore("solaris.purge", "17 4 * * *", work)
