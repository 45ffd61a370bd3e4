"""How the database and what it keeps are: the figures that the health page and the doctor judge by the same marks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solaris_hooks.ledger.statements import Statements

OLDEST_POSTGRES = 14
CLOCK_SECONDS = 2.0
"""Leases, periods and expiries are the database's; a proxy whose clock differs more logs misleading times."""

WAITS = dt.timedelta(minutes=10)
"""Messages and events that have waited for longer are late."""

SILENT = dt.timedelta(minutes=2)
"""Workers say every 20 s that they live."""

LATE = dt.timedelta(minutes=2)
"""Proxies sweep about every 30 s: a hold whose lease ended longer ago waits for nobody."""

NEWEST_DELIVERIES = 2_000
"""Of which the last that went and the last that did not are told."""


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """What the database says of itself and of the books.

    Attributes:
        at: its clock, UTC.
        bytes: of the package's schemas, with their indexes.
        connections: to this database, of everybody.
        most_connections: that the server takes, to all databases.
        months_ahead: later months for which usage has its partition.
        expired_holds: holds whose lease ended a while ago.
        events_waiting: events of which no message was made yet; the oldest happened at ``events_since``.
        deliveries_waiting: messages that wait for an attempt.
        deliveries_late: messages that have waited for their first attempt for a while.
        deliveries_dead: messages that were given up.
        worker_seen: when a worker was last heard of; None where all have ended, or none ever ran.
        checkpoint_at: when the newest checkpoint was taken.
    """

    at: dt.datetime
    version: str
    major_version: int
    bytes: int
    connections: int
    most_connections: int
    months_ahead: int
    holds: int
    expired_holds: int
    events_waiting: int
    events_since: dt.datetime | None
    deliveries_waiting: int
    deliveries_late: int
    deliveries_dead: int
    jobs_queued: int
    jobs_failed: int
    worker_seen: dt.datetime | None
    checkpoint_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class LastDeliveries:
    """When messages last went over a channel, and when they last did not.

    Attributes:
        target: the webhook's name; "" for mails.
        error: of the last that did not.
    """

    channel: str
    target: str
    sent_at: dt.datetime | None
    failed_at: dt.datetime | None
    error: str | None


class VitalSignsReader:
    """Reads the figures, on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def read(self) -> VitalSigns:
        """The figures as of now."""
        row = await self._statements.one("vital_signs", {"late": LATE, "waits": WAITS, "now": self._clock()})
        return VitalSigns(**row)

    async def last_deliveries(self) -> Sequence[LastDeliveries]:
        """Mails first, then each webhook that was written to lately."""
        rows = await self._statements.all("last_deliveries", {"limit": NEWEST_DELIVERIES})
        return [LastDeliveries(**row) for row in rows]
