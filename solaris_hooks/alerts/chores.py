"""What is done now and then, once over all processes: each is a periodic job."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from solaris_hooks.alerts.anomalies import Profiles, look_for_anomalies
from solaris_hooks.alerts.reports import monthly_report, send_digest
from solaris_hooks.alerts.scheduled_reports import tell_due_reports
from solaris_hooks.anomaly_settings import AnomalySettings
from solaris_hooks.ledger.account_terms import Cycle
from solaris_hooks.ledger.credit_lots import CreditLots
from solaris_hooks.ledger.deliveries import Deliveries
from solaris_hooks.ledger.merges import Merges
from solaris_hooks.ledger.overview import Overview
from solaris_hooks.ledger.report_schedules import ReportSchedules

_LOG = logging.getLogger(__name__)

BATCH = 1000
RENEWALS = 100
"""Accounts renewed in one transaction, whose rows are locked meanwhile."""
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
        """One round of it."""
        expired = await in_batches(partial(lots.expire_due, limit=BATCH))
        if expired:
            _LOG.info("credits of %d accounts expired", expired)

    return PeriodicChore("solaris.expire_credits", "*/10 * * * *", work)


def finish_merges(merges: Merges) -> PeriodicChore:
    """Moves what requests in flight left behind on accounts that were merged meanwhile."""

    async def work() -> None:
        """One round of it."""
        finished = await merges.finish()
        if finished:
            _LOG.info("moved what requests of %d merged accounts left", finished)

    return PeriodicChore("solaris.finish_merges", "*/5 * * * *", work)


def renew_accounts(cycle: Cycle) -> PeriodicChore:
    """Renews accounts that did not call."""

    async def work() -> None:
        """One round of it."""
        renewed = await in_batches(partial(cycle.renew_due, limit=RENEWALS), RENEWALS)
        if renewed:
            _LOG.info("renewed %d accounts that did not call", renewed)

    return PeriodicChore("solaris.renew_accounts", "*/5 * * * *", work)


def find_anomalies(overview: Overview, books: Profiles, settings: AnomalySettings) -> PeriodicChore:
    """Tells of accounts whose use is far above their own pattern."""

    async def work() -> None:
        """One round of it."""
        await look_for_anomalies(overview, books, settings)

    return PeriodicChore("solaris.find_anomalies", "*/15 * * * *", work)


def digest(overview: Overview, *, time_zone: str, hour: int, clock: Callable[[], dt.datetime]) -> PeriodicChore:
    """Tells administrators who is near the limit, once a day from an hour on that is local to them."""

    async def work() -> None:
        """One round of it."""
        now = clock()
        if now.astimezone(ZoneInfo(time_zone)).hour >= hour:
            await send_digest(overview, now=now, time_zone=time_zone)

    # Asked every hour, so that a worker that was away at that hour catches up.
    return PeriodicChore("solaris.digest", "5 * * * *", work)


def report_month(overview: Overview, *, time_zone: str, hour: int, clock: Callable[[], dt.datetime]) -> PeriodicChore:
    """Tells administrators of the last month, from its successor's second day on: it has ended everywhere then."""

    async def work() -> None:
        """One round of it."""
        now = clock()
        local = now.astimezone(ZoneInfo(time_zone))
        if local.day > 1 and local.hour >= hour:
            await monthly_report(overview, now=now, time_zone=time_zone)

    return PeriodicChore("solaris.report_month", "35 * * * *", work)


def report_as_scheduled(
    schedules: ReportSchedules, *, time_zone: str, hour: int, clock: Callable[[], dt.datetime]
) -> PeriodicChore:
    """Tells of reports that administrators have scheduled, on their days from an hour on that is local to them."""

    async def work() -> None:
        """One round of it."""
        await tell_due_reports(schedules, now=clock(), time_zone=time_zone, hour=hour)

    return PeriodicChore("solaris.report_as_scheduled", "*/15 * * * *", work)


def purge(deliveries: Deliveries, *, keep_days: int) -> PeriodicChore:
    """Forgets deliveries that ended, and events that everybody was told of, after some days."""

    async def work() -> None:
        """One round of it."""
        gone = await in_batches(partial(deliveries.purge, older_than=dt.timedelta(days=keep_days), limit=BATCH))
        if gone:
            _LOG.info("forgot %d deliveries and events older than %d days", gone, keep_days)

    return PeriodicChore("solaris.purge", "17 4 * * *", work)
