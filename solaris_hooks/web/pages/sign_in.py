"""How users get in, by a link of the chat or by their virtual key, and out."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from solaris_hooks.ledger.members import account_as_seen_by
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.errors import NotFoundError, SolarisError
from solaris_hooks.web.access import ForbiddenError, UnauthenticatedError
from solaris_hooks.web.browsers import form_of, from_here, source_of
from solaris_hooks.web.dependencies import own_account
from solaris_hooks.web.links import LinkError, Tickets
from solaris_hooks.web.look import keep_look, theme_of
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.pages.visit import OwnVisit
from solaris_hooks.web.pages.whose import Whose
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.seals import usable_key

_LOG = logging.getLogger(__name__)

MOST_FAILURES = 50
"""Failed attempts from one address within a quarter of an hour: whole offices share one, and keys cannot be guessed."""

_FIELDS = 10
_HERE = frozenset({"/me", "/me/entries", "/me/refusals", "/me/settings", "/me/sign-in"})
"""Where a change of language or colours may lead back to."""


class OwnSigningIn:
    """The pages with which a user's session begins and ends."""

    def __init__(self, door: OwnDoor, links: Tickets) -> None:
        """Keep the door, and what signs the links of the chat."""
        self._door = door
        self._links = links

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these pages."""
        return [
            Route("/me/sign-in", self._ask, methods=["GET"]),
            Route("/me/sign-in", self._sign_in, methods=["POST"]),
            Route("/me/look", self._look, methods=["POST"]),
            self._door.post("/leave", self._leave),
            self._door.post("/leave-everywhere", self._leave_everywhere),
        ]

    async def open(self, request: Request, token: str) -> Response:
        """Exchange a link for a session.

        The answer is a page that leads on, and no redirect: the browser would still take a redirected request for
        one of the site on which the link stood, and send no ``SameSite=Strict`` cookie with it.
        """
        if request.method != "GET":  # who only looks whether the link is there does not use it up
            return Response()
        try:
            account, whose = await self._exchanged(token)
            root = root_of(request)
            response = page(
                "me/onward.html", account.balance.locale, root=root, theme=theme_of(request), to=f"{root}/me"
            )
            await self._door.begin(response, request, whose)
        except LinkError as exc:
            return self._door.entrance(request, exc.status, problem="link")
        except SolarisError as exc:
            return self._door.refuse(request, exc)
        else:
            return response

    async def _exchanged(self, token: str) -> tuple[Account, Whose]:
        """The account of a link, which is used up by this, and whose link it was.

        Raises:
            LinkError: it is none of ours, or was used before, or there is no such account.
        """
        services, ticket = self._door.services, self._links.read(token)
        expires_at = ticket.issued_at + dt.timedelta(seconds=self._links.lifetime_seconds)
        used = await services.used.use(ticket.account_id, ticket.link_id, expires_at=expires_at)
        account = await account_as_seen_by(services.books, ticket.account_id, ticket.member_id) if used else None
        if account is None:
            raise LinkError
        return account, Whose(ticket.account_id, ticket.member_id)

    async def _ask(self, request: Request) -> Response:
        return self._door.entrance(request, 200, problem="out" if "out" in request.query_params else "")

    async def _sign_in(self, request: Request) -> Response:
        try:
            if not from_here(request):
                raise ForbiddenError("This form was sent from another site.")
            source = source_of(request, "statement")
            if await self._door.services.sessions.failures(source) >= MOST_FAILURES:
                return self._door.entrance(request, 429, problem="often")
            return await self._try(request, await form_of(request, most_fields=_FIELDS), source)
        except SolarisError as exc:
            return self._door.refuse(request, exc)

    async def _try(self, request: Request, form: FormData, source: str) -> Response:
        said = form.get("key")
        key = usable_key(said) if isinstance(said, str) else None
        services = self._door.services
        try:
            if key is None:
                raise UnauthenticatedError
            holder = await services.api.authenticator.holder(request, key=key)
            await own_account(services.api, holder)
        except SolarisError as exc:
            if exc.status >= 500:  # noqa: PLR2004 - HTTP
                raise
            problem = {UnauthenticatedError: "unknown", NotFoundError: "no_account"}.get(type(exc), "no_user")
            failures = await services.sessions.failed(source)
            _LOG.warning("a user's sign-in failed (%s), the %d. from %s", problem, failures, source)
            return self._door.entrance(request, 403, problem=problem)
        response = RedirectResponse(f"{root_of(request)}/me", 303)
        await self._door.begin(response, request, Whose(holder.account_id, holder.member_id), key=key)
        return response

    async def _leave(self, visit: OwnVisit) -> Response:
        badge = self._door.badge(visit.request)
        if badge is not None:
            await self._door.services.sessions.end(badge.session_id)
        return self._out(visit)

    async def _leave_everywhere(self, visit: OwnVisit) -> Response:
        await self._door.services.sessions.end_all(visit.whose.actor)
        return self._out(visit)

    def _out(self, visit: OwnVisit) -> Response:
        response = RedirectResponse(f"{visit.root}/me/sign-in?out=1", 303)
        self._door.dismiss(response, visit.request)
        return response

    async def _look(self, request: Request) -> Response:
        """Change language or colours of this browser; whoever sends this form changes no more than that."""
        try:
            if not from_here(request):
                raise ForbiddenError("This form was sent from another site.")
            form = await form_of(request, most_fields=_FIELDS)
        except SolarisError as exc:
            return self._door.refuse(request, exc)
        back = form.get("next")
        response = RedirectResponse(root_of(request) + (str(back) if back in _HERE else "/me"), 303)
        keep_look(response, request, form, secure=self._door.secure)
        return response
