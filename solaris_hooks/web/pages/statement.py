"""The statement of one account: what its user sees in a browser, with scripts or without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from solaris_hooks.credits.errors import CreditRequestRefusedError, RequestDecidedError
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.member_shown import calls_of, member_shown_of
from solaris_hooks.web.pages.refusals import before_of
from solaris_hooks.web.pages.shown import entries_of, shown_of
from solaris_hooks.web.pages.sign_in import OwnSigningIn
from solaris_hooks.web.pages.visit import OwnVisit

_NUMBER = re.compile(r"\d{1,3}(?:[., ]\d{3}){1,5}|\d{1,18}", re.ASCII)
"""Whole tokens as people write them: 200000, 200.000, 200,000."""

_ENTRY = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_LONGEST_NONCE = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody has typed into the form for credits, and what was wrong with it.

    Attributes:
        problem: in the reader's language; empty where nothing was.
        field: what it is about: ``tokens``, ``package`` or ``reason``; empty where it is about none of them.
    """

    package: str = ""
    tokens: str = ""
    reason: str = ""
    problem: str = ""
    field: str = ""


class StatementPages:
    """``/me``, its entries, and requests for credits."""

    def __init__(self, door: OwnDoor, signing_in: OwnSigningIn) -> None:
        """Keep the door, and what opens links."""
        self._door = door
        self._signing_in = signing_in
        self._requests = door.services.api.requests

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these pages."""
        return [
            Route("/me", self._arrive, methods=["GET"]),
            self._door.get("/entries", self._entries),
            self._door.post("/requests", self._ask),
            self._door.post("/requests/{request}/cancel", self._cancel),
        ]

    async def _arrive(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if token is not None:
            return await self._signing_in.open(request, token)
        return await self._door.guarded(request, self._show)

    async def _show(self, visit: OwnVisit) -> Response:
        return await self._statement(visit)

    async def _entries(self, visit: OwnVisit) -> Response:
        share = visit.account.balance.share
        if share is not None:
            earlier = before_of(visit)
            before_call = HoldId(earlier) if earlier is not None else None
            calls = await calls_of(self._door.services, visit.account, share, before=before_call)
            return visit.show("_calls.html" if visit.partial else "calls.html", calls=calls, before=before_call)
        said = visit.request.query_params.get("before")
        if said is not None and not _ENTRY.fullmatch(said):
            raise InvalidRequestError("An entry has a number.", param="before")
        before = int(said) if said else None
        entries = await entries_of(self._door.services, visit.account, before=before)
        return visit.show("_entries.html" if visit.partial else "entries.html", entries=entries, before=before)

    async def _ask(self, visit: OwnVisit) -> Response:
        asked = Asked(visit.text("package"), visit.text("tokens"), visit.text("reason"))
        tokens = _NUMBER.fullmatch(asked.tokens) if not asked.package else None
        try:
            await self._requests.request(
                visit.account_id,
                int(re.sub(r"\D", "", tokens[0])) if tokens else None,
                asked.reason,
                package=asked.package or None,
                actor=visit.asker,
                once=_once(visit),
            )
        except CreditRequestRefusedError as refused:
            problem = Asked(
                asked.package,
                asked.tokens,
                asked.reason,
                refused.said_in(visit.locale),
                refused.param or "",
            )
            return await self._statement(visit, problem, status=refused.status)
        return visit.to("", done="asked", anchor="credits")

    async def _cancel(self, visit: OwnVisit) -> Response:
        try:
            wanted = UUID(str(visit.request.path_params["request"]))
        except ValueError as exc:
            raise NotFoundError("There is no such request.", param="request") from exc
        if visit.member_id is not None and (await self._requests.existing(wanted)).requested_by != visit.member_id:
            raise NotFoundError(f"There is no request {wanted}.", param="request")
        try:
            await self._requests.cancel(wanted, visit.account_id, actor=visit.asker)
        except RequestDecidedError:
            return visit.to("", done="decided", anchor="credits")
        return visit.to("", done="cancelled", anchor="credits")

    async def _statement(self, visit: OwnVisit, asked: Asked = Asked(), *, status: int = 200) -> Response:
        services, share = self._door.services, visit.account.balance.share
        shown = (
            await shown_of(services, visit.account)
            if share is None
            else await member_shown_of(services, visit.account, share)
        )
        return visit.show(
            "statement.html" if share is None else "member_statement.html",
            status=status,
            shown=shown,
            asked=asked,
            once=uuid4().hex,
            packages=self._requests.packages,
            may_ask=self._requests.open_to_users,
        )


def _once(visit: OwnVisit) -> str | None:
    """What this request can be made with once: of a team's account each member has values of his own."""
    said = visit.text("once")[:_LONGEST_NONCE]
    return f"{visit.asker} {said}" if said and visit.member_id is not None else said or None
