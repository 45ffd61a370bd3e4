"""What each worker process does now and then: keep holds alive, finish what was left, sweep what was lost."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solaris_hooks.quota.errors import SolarisError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.hooks.settlement import Settler
    from solaris_hooks.ledger.journal.ledger import JournalledLedger

_LOG = logging.getLogger(__name__)

INLINE_GRACE_SECONDS = 5.0
"""How long the inline hooks have, after the success event, before its report is booked."""


@dataclass(slots=True)
class Chore:
    """Something that wants doing again and again.

    Attributes:
        every_seconds: the least time from one beginning to the next; 0 for every round, infinity for once.
        work: does it.
        due: ``time.monotonic()`` of the next one.
    """

    every_seconds: float
    work: Callable[[], Awaitable[object]]
    due: float = 0.0


class Upkeep:
    """A background task in each worker's event loop, started with the plugin."""

    def __init__(
        self,
        *,
        journalled: JournalledLedger,
        in_flight: InFlight,
        settler: Settler,
        lease_seconds: int,
        hold_max_seconds: int,
        chores: Sequence[Chore],
    ) -> None:
        """Keep the collaborators; start nothing.

        Args:
            journalled: the books and what stands in for them.
            in_flight: the requests of this process.
            settler: ends them.
            lease_seconds: of their holds.
            hold_max_seconds: how long a request may run at the most.
            chores: what else is to be done, in order.
        """
        self._journalled = journalled
        self._in_flight = in_flight
        self._settler = settler
        self._lease_seconds = lease_seconds
        self._hold_max_seconds = hold_max_seconds
        self._chores = (Chore(0, self._finish_all), Chore(0, self._renew), *chores)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start, unless it runs already."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        pause = min(self._lease_seconds / 4, INLINE_GRACE_SECONDS)
        while True:
            await asyncio.sleep(pause)
            for chore in self._chores:
                if time.monotonic() >= chore.due:
                    chore.due = time.monotonic() + chore.every_seconds
                    await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        try:
            await chore.work()
        except SolarisError as exc:
            _LOG.warning("upkeep is put off: %s", exc.message)
            chore.due = 0.0
        except Exception:  # noqa: BLE001 - one defect must not end the upkeep of everything else
            _LOG.exception("upkeep failed and goes on")

    async def _finish_all(self) -> None:
        for request in self._in_flight:
            await self._finish(request)

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
        oldest = time.monotonic() - self._hold_max_seconds
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
            await self._journalled.renew_leases(alive, lease_seconds=self._lease_seconds)
