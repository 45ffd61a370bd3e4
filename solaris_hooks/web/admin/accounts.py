"""The list of accounts: searched as one types, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

ROWS = 50


class AccountsPages:
    """``/admin/accounts``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._services = services

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("/accounts", self._list)]

    async def _list(self, visit: Visit) -> Response:
        query, after = visit.text("q", longest=300), visit.text("after", longest=300)
        page = await self._services.books.accounts(query=query, limit=ROWS, after=account_id(after) if after else None)
        template = "_accounts.html" if visit.partial else "accounts.html"
        return visit.show(template, query=query, accounts=page.accounts, next_after=page.next_after)
