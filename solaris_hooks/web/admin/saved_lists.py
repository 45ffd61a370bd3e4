"""Forms that keep a list of accounts under a name, and delete it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.saved_lists import LONGEST_NAME
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import ForbiddenError
from solaris_hooks.web.admin.account_filter import asked_for
from solaris_hooks.web.admin.accounts import AccountsPages
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

_MOST_DIGITS = 18


class SavedListForms:
    """``/admin/lists``. Everybody keeps lists of his own; whoever may change accounts shares them with all."""

    def __init__(self, services: AdminServices, accounts: AccountsPages) -> None:
        """Keep what is changed, and the page that shows a form again."""
        self._books = services.books
        self._accounts = accounts

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of these forms."""
        return [
            door.post("/lists", self._save, Permission.READ),
            door.post("/lists/{number}/delete", self._delete, Permission.READ),
        ]

    async def _save(self, visit: Visit) -> Response:
        fields = Fields(visit)
        plans = [each.plan_id for each in await self._books.plans()]
        query = asked_for(fields, plans).query().removeprefix("?")
        name = fields.text("name", longest=LONGEST_NAME)
        shared = fields.ticked("shared")
        if shared and not visit.may(Permission.CHANGE):
            raise ForbiddenError("Your role does not permit to share lists.")
        if fields.ok:
            try:
                await self._books.saved_lists.save(name, query, shared=shared, actor=visit.administrator.actor)
            except InvalidRequestError as exc:
                fields.refuse(exc)
            else:
                return _to_list(visit, query, "list_saved")
        return await self._accounts.show(visit, fields)

    async def _delete(self, visit: Visit) -> Response:
        number = visit.segment("number")
        if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
            raise NotFoundError("There is no such list.", param="number")
        gone = await self._books.saved_lists.delete(
            int(number), actor=visit.administrator.actor, of_others=visit.may(Permission.CHANGE)
        )
        return _to_list(visit, gone.query, "list_deleted")


def _to_list(visit: Visit, query: str, done: str) -> Response:
    return RedirectResponse(f"{visit.root}/admin/accounts?{query}{'&' if query else ''}done={done}", 303)
