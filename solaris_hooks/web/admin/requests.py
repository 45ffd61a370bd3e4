"""Requests for credits: who asks, what he has left, and what is decided."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.credits.errors import NoReasonError, RequestDecidedError
from solaris_hooks.ledger.credit_requests import CreditRequest, RequestState
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

PAGE = 25
HISTORY = 5
ALL = "all"
_DECIDED_MEANWHILE = 409


class RequestPages:
    """``/admin/requests``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the pages read and decide."""
        self._books = services.books
        self._requests = services.requests

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/requests", self._list),
            door.get("/requests/{request}", self._one),
            door.post("/requests/{request}/approve", self._approve, Permission.CHANGE),
            door.post("/requests/{request}/reject", self._reject, Permission.CHANGE),
        ]

    async def _list(self, visit: Visit) -> Response:
        state = visit.choice("state", RequestState) if visit.text("state") else RequestState.REQUESTED
        place = visit.number("place")
        if state is RequestState.REQUESTED:
            found = await self._books.requests.waiting(limit=PAGE + 1, after=place)
        else:
            found = await self._books.requests.find(state=state, limit=PAGE + 1, before=place)
        page = found[:PAGE]
        return visit.show(
            "_requests.html" if visit.partial else "requests.html",
            requests=page,
            accounts=await self._books.accounts_named(each.account_id for each in page),
            state=state.value if state else ALL,
            waiting=await self._books.requests.how_many_wait(),
            next_place=page[-1].number if len(found) > PAGE else None,
            paged=place is not None,
        )

    async def _one(self, visit: Visit) -> Response:
        return await self._show(visit, await self._requests.existing(_id(visit)), Fields(visit))

    async def _show(self, visit: Visit, request: CreditRequest, fields: Fields, *, status: int = 200) -> Response:
        accounts = await self._books.accounts_named([request.account_id])
        earlier = await self._books.requests.find(account_id=request.account_id, limit=HISTORY, before=request.number)
        return visit.show(
            "request.html",
            status=status,
            request=request,
            account=accounts.get(request.account_id),
            earlier=earlier,
            fields=fields,
            action=visit.request.url.path.rpartition("/")[2] if visit.form else "",
        )

    async def _approve(self, visit: Visit) -> Response:
        fields = Fields(visit)
        tokens = fields.whole("tokens", least=1)
        reason = fields.text("reason", required=False) or None
        expires_at = fields.end_of_day("expires", time_zone=visit.look.time_zone)
        request = await self._requests.existing(_id(visit))
        if not fields.ok:
            return await self._show(visit, request, fields, status=InvalidRequestError.status)
        try:
            await self._requests.approve(
                request.request_id,
                actor=visit.administrator.actor,
                tokens=tokens,
                reason=reason,
                expires_at=expires_at,
            )
        except RequestDecidedError:
            return await self._decided_meanwhile(visit)
        return visit.to("/requests", done="approved")

    async def _reject(self, visit: Visit) -> Response:
        fields = Fields(visit)
        reason = fields.text("why")
        request = await self._requests.existing(_id(visit))
        if not fields.ok:
            return await self._show(visit, request, fields, status=NoReasonError.status)
        try:
            await self._requests.reject(request.request_id, actor=visit.administrator.actor, reason=reason)
        except RequestDecidedError:
            return await self._decided_meanwhile(visit)
        return visit.to("/requests", done="rejected")

    async def _decided_meanwhile(self, visit: Visit) -> Response:
        """The request as somebody else has decided it."""
        request = await self._requests.existing(_id(visit))
        return await self._show(visit, request, Fields(visit), status=_DECIDED_MEANWHILE)


def _id(visit: Visit) -> UUID:
    """The request that the address names.

    Raises:
        NotFoundError: it names none.
    """
    try:
        return UUID(visit.segment("request"))
    except ValueError as exc:
        raise NotFoundError("There is no such request.", param="request") from exc
