"""What each worker process does now and then: keep holds alive, finish what was left, sweep what was lost."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from solaris_hooks.quota.errors import SolarisError

if TYPE_CHECKING:
    from solaris_hooks.hooks.answer_lengths import AnswerLengths
    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.hooks.settlement import Settler
    from solaris_hooks.ledger.checkpoints.periodic import PeriodicCheckpoints
    from solaris_hooks.ledger.journal.ledger import JournalledLedger
    from solaris_hooks.ledger.postgres import PostgresLedger
    from solaris_hooks.ledger.sweep import Sweeper
    from solaris_hooks.settings import Settings

_LOG = logging.getLogger(__name__)

INLINE_GRACE_SECONDS = 5.0
"""How long the inline hooks have, after the success event, before its report is booked."""

SWEEP_BATCH = 100

EXCHANGE_SECONDS = 60.0
"""How often processes tell each other how long answers get."""

_MONTHS_AHEAD = 2
_DAY_SECONDS = 86_400.0


class Upkeep:
    """A background task in each worker's event loop, started with the plugin."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: PostgresLedger,
        journalled: JournalledLedger,
        in_flight: InFlight,
        settler: Settler,
        sweeper: Sweeper,
        lengths: AnswerLengths,
        checkpoints: PeriodicCheckpoints | None = None,
    ) -> None:
        """Keep the collaborators; start nothing."""
        self._settings = settings
        self._ledger = ledger
        self._journalled = journalled
        self._in_flight = in_flight
        self._settler = settler
        self._sweeper = sweeper
        self._lengths = lengths
        self._checkpoints = checkpoints
        self._task: asyncio.Task[None] | None = None
        self._next_sweep = 0.0
        self._next_exchange = 0.0
        self._next_partitions = 0.0

    def start(self) -> None:
        """Start, unless it runs already."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        pause = min(self._settings.hold_lease_seconds / 4, INLINE_GRACE_SECONDS)
        while True:
            await asyncio.sleep(pause)
            try:
                await self._once()
            except SolarisError as exc:
                _LOG.warning("upkeep is put off: %s", exc.message)
            except Exception:  # noqa: BLE001 - one defect must not end the upkeep of everything else
                _LOG.exception("upkeep failed and goes on")

    async def _once(self) -> None:
        for request in self._in_flight:
            await self._finish(request)
        await self._renew()
        await self._journalled.tend()
        now = time.monotonic()
        pause = self._settings.sweep_interval_seconds
        if now >= self._next_sweep and not self._journalled.recovering(pause):
            self._next_sweep = now + pause
            await self._sweeper.sweep(limit=SWEEP_BATCH)
        if now >= self._next_exchange:
            self._next_exchange = now + EXCHANGE_SECONDS
            await self._lengths.exchange()
        if now >= self._next_partitions:
            self._next_partitions = now + _DAY_SECONDS
            await self._ledger.make_usage_partitions(months=_MONTHS_AHEAD)
        if self._checkpoints is not None:
            self._checkpoints.look()

    async def _finish(self, request: Request) -> None:
        """Book what only the success event saw, and what the books could not take before."""
        if request.unbooked is not None or request.unreleased:
            await self._settler.retry(request)
        elif (
            not request.ended
            and not request.streaming
            and request.reported_at is not None
            and time.monotonic() - request.reported_at > INLINE_GRACE_SECONDS
        ):
            await self._settler.settle(request, request.reported, model=request.model, text="")

    async def _renew(self) -> None:
        """Renew the leases of what still runs; leave to the sweeper what no longer can."""
        oldest = time.monotonic() - self._settings.hold_max_seconds
        alive = []
        for request in self._in_flight:
            if request.started < oldest or request.abandoned:
                _LOG.error(
                    "hold %s of %s has no end in sight and is left to its lease", request.hold_id, request.account_id
                )
                await self._journalled.give_up(request.hold_id)
                self._in_flight.forget(request)
            else:
                alive.append((request.account_id, request.hold_id))
        if alive:
            await self._journalled.renew_leases(alive, lease_seconds=self._settings.hold_lease_seconds)
