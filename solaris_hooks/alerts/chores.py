"""What is done now and then, once over all processes: each is a periodic job."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from solaris_hooks.ledger.credit_lots import CreditLots
from solaris_hooks.ledger.deliveries import Deliveries

_LOG = logging.getLogger(__name__)

BATCH = 1000
_MOST_BATCHES = 100


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


async def in_batches(work: Callable[[], Awaitable[int]], batch: int = BATCH) -> int:
    """Do something again until it has less to do than a batch, or for a long time. Returns how much it did."""
    done = 0
    for _ in range(_MOST_BATCHES):
        some = await work()
        done += some
        if some < batch:
            break
    return done


def expire_credits(lots: CreditLots) -> PeriodicChore:
    """Expires the credits of accounts that nobody looks at."""

    async def work() -> None:
        expired = await in_batches(partial(lots.expire_due, limit=BATCH))
        if expired:
            _LOG.info("credits of %d accounts expired", expired)

    return PeriodicChore("solaris.expire_credits", "*/10 * * * *", work)


def purge(deliveries: Deliveries, *, keep_days: int) -> PeriodicChore:
    """Forgets deliveries that ended, and events that everybody was told of, after some days."""

    async def work() -> None:
        gone = await in_batches(partial(deliveries.purge, older_than=dt.timedelta(days=keep_days), limit=BATCH))
        if gone:
            _LOG.info("forgot %d deliveries and events older than %d days", gone, keep_days)

    return PeriodicChore("solaris.purge", "17 4 * * *", work)
