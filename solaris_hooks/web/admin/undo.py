"""Changes of people, changed back: the buttons beside rows of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.audit_trail import AuditFilter, AuditRecord
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError, SolarisError
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit, account_path

_MOST_DIGITS = 18


class UndoForms:
    """``/admin/audit/{number}/undo``; template ``_undo.html`` has the button that leads here."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what is changed back."""
        self._books = services.books

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this form."""
        path = "/audit/{number}/undo"
        return [door.get(path, self._ask, Permission.CHANGE), door.post(path, self._undo)]

    async def _ask(self, visit: Visit) -> Response:
        return await self._show(visit, None)

    async def _undo(self, visit: Visit) -> Response:
        record, fields = await self._record(visit), Fields(visit)
        reason = fields.text("reason")
        if fields.ok:
            try:
                await self._books.undoing.undo(record.number, reason=reason, actor=visit.administrator.actor)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                to_account = record.account_id is not None and visit.text("back") != "audit"
                return visit.to(account_path(record.account_id or "") if to_account else "/audit", done="undone")
        return await self._show(visit, fields)

    async def _show(self, visit: Visit, fields: Fields | None) -> Response:
        return visit.show(
            "undo.html",
            status=200 if fields is None else InvalidRequestError.status,
            record=await self._record(visit),
            fields=fields,
        )

    async def _record(self, visit: Visit) -> AuditRecord:
        """The change that the address names.

        Raises:
            NotFoundError: it names none.
        """
        said = visit.segment("number")
        if said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS:
            found = await self._books.trail.records(AuditFilter(before=int(said) + 1), limit=1)
            if found and found[0].number == int(said):
                return found[0]
        raise NotFoundError("There is no such change.", param="number")
