"""The overview: one glance tells."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

NEAR_LIMIT_PERCENT = 80
_NAMED = 8


class OverviewPages:
    """``/admin``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._services = services

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("", self._show)]

    async def _show(self, visit: Visit) -> Response:
        near, found = await self._services.books.overview.near_limit(from_percent=NEAR_LIMIT_PERCENT, limit=_NAMED)
        return visit.show("overview.html", near=near, near_found=found)
