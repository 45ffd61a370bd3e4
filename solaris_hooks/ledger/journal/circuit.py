"""Whether the books are away, known to all once one has waited for them in vain."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from solaris_hooks.quota.errors import SolarisError

_LOG = logging.getLogger(__name__)

PROBE_SECONDS = 1.0


class Circuit:
    """Open from the first failure until a probe succeeds. No request has to be the probe."""

    def __init__(self, probe: Callable[[], Awaitable[None]], on_return: Callable[[], None]) -> None:
        """Keep the collaborators.

        Args:
            probe: asks the books for a sign of life; raises SolarisError while there is none.
            on_return: called when there is one again.
        """
        self._probe = probe
        self._on_return = on_return
        self._open = False
        self._probing: asyncio.Task[None] | None = None
        self._closed_at = float("-inf")
        self._opened_at = float("inf")

    @property
    def open(self) -> bool:
        """Whether the books are believed to be away."""
        return self._open

    @property
    def closed_for(self) -> float:
        """Seconds since the books came back; 0 while they are away, infinite where they never were."""
        return 0.0 if self.open else time.monotonic() - self._closed_at

    @property
    def open_for(self) -> float:
        """Seconds since the books were found to be away; 0 while they are there."""
        return time.monotonic() - self._opened_at if self.open else 0.0

    def broke(self, why: SolarisError) -> None:
        """Somebody has waited for the books in vain."""
        if not self.open:
            _LOG.error("the books are away: %s", why.message)
            self._open = True
            self._opened_at = time.monotonic()
            self._probing = asyncio.get_running_loop().create_task(self._until_back())

    def close(self) -> None:
        """Ask no more."""
        if self._probing is not None:
            self._probing.cancel()

    async def _until_back(self) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await self._probe()
            except SolarisError:
                continue
            except Exception:  # noqa: BLE001 - who stops looking would never see the books again
                _LOG.exception("the probe of the books failed")
                continue
            self._open = False
            self._closed_at = time.monotonic()
            _LOG.warning("the books are back after %.0f s", self._closed_at - began)
            self._on_return()
            return
