"""The list of accounts: searched as one types, filtered, in several orders, a page at a time, or as a file."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.exports.table import FileFormat
from solaris_hooks.exports.tables import accounts_table
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.web.account_queries import AccountOrder, AccountsQuery
from solaris_hooks.web.admin.account_filter import READY_MADE, asked_for, query_of
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit
from solaris_hooks.web.downloads import download

ROWS = 50
_LONGEST_CURSOR = 2000


class AccountsPages:
    """``/admin/accounts``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._services = services

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("/accounts", self._list), door.get("/accounts/export", self._export)]

    async def _list(self, visit: Visit) -> Response:
        return await self.show(visit)

    async def show(self, visit: Visit, saving: Fields | None = None) -> Response:
        """The list that an address, or a form with the fields of one, asks for.

        Args:
            visit: says which.
            saving: the form that keeps the list, where it was refused.
        """
        fields = Fields(visit)
        plans = await self._plans()
        asked = asked_for(fields, plans)
        after = visit.text("after", longest=_LONGEST_CURSOR) or None
        paged = AccountsQuery(sort=asked.order, cursor=after, limit=ROWS)
        page = await self._services.books.account_list.page(
            asked.wanted, sort=asked.order.sort, descending=asked.order.descending, limit=ROWS, after=paged.after
        )
        response = visit.show(
            "_accounts.html" if visit.partial else "accounts.html",
            status=200 if fields.ok and saving is None else InvalidRequestError.status,
            asked=asked,
            after=after,
            next_after=paged.next_cursor(page.next_after),
            accounts=page.accounts,
            fields=fields,
            plans=plans,
            statuses=list(Status),
            states=list(State),
            orders=list(AccountOrder),
            saving=saving,
            saved=await self._services.books.saved_lists.of(visit.administrator.actor),
            ready_made={name: query_of(each) for name, each in READY_MADE.items()},
        )
        if visit.partial:
            response.headers["hx-push-url"] = f"{visit.root}/admin/accounts{asked.query()}"  # without empty fields
        return response

    async def _export(self, visit: Visit) -> Response:
        """This very list as a file, all pages of it."""
        fields = Fields(visit)
        asked = asked_for(fields, await self._plans())
        file_format = fields.choice("format", set(FileFormat))
        if not fields.ok:
            raise InvalidRequestError("There is no such list, or no such format.", param=next(iter(fields.problems)))
        table = accounts_table(
            self._services.books, asked.wanted, sort=asked.order.sort, descending=asked.order.descending
        )
        return await download(table, FileFormat(file_format), bom=True)

    async def _plans(self) -> Sequence[str]:
        return [each.plan_id for each in await self._services.books.plans()]
