"""Checkpoints that a proxy takes by itself, now and then."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from pathlib import Path

from solaris_hooks.ledger.checkpoints.keys import SigningKey
from solaris_hooks.ledger.checkpoints.taking import take_if_due
from solaris_hooks.quota.errors import SolarisError

_LOG = logging.getLogger(__name__)

_LOOKS = 10
"""How often within an interval a process looks: another may have taken one, or have died before it could."""
_LONGEST_PAUSE_SECONDS = 600.0


class PeriodicCheckpoints:
    """Takes one whenever one is due, in a thread of its own; of several processes, one takes it."""

    def __init__(self, conninfo: str, key: SigningKey, *, folder: Path, interval: dt.timedelta) -> None:
        """Keep the settings; take nothing yet. Arguments as of :func:`take_if_due`."""
        self._conninfo = conninfo
        self._key = key
        self._folder = folder
        self._interval = interval
        self._pause = min(interval.total_seconds() / _LOOKS, _LONGEST_PAUSE_SECONDS)
        self._next_look = 0.0
        self._task: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Begin a look, unless the last is not over or not long ago. Returns at once."""
        now = time.monotonic()
        if now >= self._next_look and (self._task is None or self._task.done()):
            self._next_look = now + self._pause
            self._task = asyncio.get_running_loop().create_task(self._take())

    async def _take(self) -> None:
        try:
            taken = await asyncio.to_thread(
                take_if_due, self._conninfo, self._key, folder=self._folder, interval=self._interval
            )
        except SolarisError as exc:
            _LOG.error("no checkpoint was taken: %s", exc.message)
        else:
            if taken is not None:
                _LOG.info("checkpoint %d of %d accounts: %s", taken.header.number, taken.accounts, taken.path)
