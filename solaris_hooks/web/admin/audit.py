"""The audit trail: what people changed, who did it, when and why."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.audit_trail import AuditFilter, AuditRecord
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem, start_of_day
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit, address

PAGE = 25
FILTERS = ("account", "action", "actor", "since")


class AuditPages:
    """``/admin/audit``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._trail = services.books.trail

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("/audit", self._list)]

    async def _list(self, visit: Visit) -> Response:
        fields = Fields(visit)
        wanted = _wanted(visit, fields)
        found = await self._trail.records(wanted, limit=PAGE + 1) if fields.ok else ()
        page = found[:PAGE]
        filters = {name: visit.text(name) for name in FILTERS}
        return visit.show(
            "_audit.html" if visit.partial else "audit.html",
            status=200 if fields.ok else InvalidRequestError.status,
            changes=[(each, differences(each)) for each in page],
            filters=filters,
            here=address("/audit", filters),
            next_place=page[-1].number if len(found) > PAGE else None,
            paged=visit.number("place") is not None,
            fields=fields,
        )


def _wanted(visit: Visit, fields: Fields) -> AuditFilter:
    """What the address asks for; what cannot be is noted."""
    account = None
    try:
        account = account_id(visit.text("account")) if visit.text("account") else None
    except InvalidRequestError:
        fields.problems["account"] = Problem.NO_ACCOUNT
    day = fields.day("since")
    return AuditFilter(
        account_id=account,
        action=visit.text("action") or None,
        actor=visit.text("actor") or None,
        since=start_of_day(day, visit.look.time_zone) if day is not None else None,
        before=visit.number("place"),
    )


def differences(record: AuditRecord) -> Sequence[tuple[str, object, object]]:
    """What a change changed: name of the field, as it was and as it became; None where it was not, or is no longer."""
    before, after = record.before or {}, record.after or {}
    return [(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])]
