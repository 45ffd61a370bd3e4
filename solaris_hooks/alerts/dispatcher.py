"""The dispatcher: makes deliveries, and the jobs that send them, of events."""

from __future__ import annotations

import datetime as dt

from solaris_hooks.alerts.routing import Routing
from solaris_hooks.ledger.deliveries import Deliveries

BATCH = 100
"""Events taken in one transaction: few, so that a settlement never waits long for a row of them."""

STALE_AFTER = dt.timedelta(days=3)
"""What happened longer ago is not mailed to users: where alerts were off, or all workers away."""


class Dispatcher:
    """Takes events of which nothing was made yet; any number of processes may do so at once."""

    def __init__(self, deliveries: Deliveries, routing: Routing) -> None:
        """Keep the books' deliveries, and who is told of what."""
        self._deliveries = deliveries
        self._routing = routing

    async def dispatch(self) -> int:
        """Take all that wait now, a batch at a time. Returns how many.

        Raises:
            SolarisError: the books cannot be reached; what was taken before is done, the rest waits.
        """
        taken = 0
        while True:
            batch = await self._deliveries.dispatch(self._routing, limit=BATCH, stale_after=STALE_AFTER)
            taken += batch
            if batch < BATCH:
                return taken
