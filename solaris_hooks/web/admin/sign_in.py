"""Signing in and out, and how the pages look."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from solaris_hooks.ledger.sessions import WINDOW
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import ForbiddenError, UnauthenticatedError
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.visit import Visit
from solaris_hooks.web.browsers import UnreadableFormError, form_of, from_elsewhere, from_here, source_of
from solaris_hooks.web.look import keep_look
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.seals import Badge, usable_key

_LOG = logging.getLogger(__name__)

MOST_FAILURES = 20
"""Failed attempts from one address within a quarter of an hour, after which it waits for the next."""

_FIELDS = 10


class SigningIn:
    """The pages with which a session begins and ends."""

    def __init__(self, door: Door) -> None:
        """Keep the door that it lets people through."""
        self._door = door

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these pages."""
        return [
            Route("/admin/sign-in", self._ask, methods=["GET"]),
            Route("/admin/sign-in", self._sign_in, methods=["POST"]),
            Route("/admin/look", self._look, methods=["POST"]),
            self._door.post("/sign-out", self._sign_out, Permission.READ),
            self._door.post("/sign-out-everywhere", self._sign_out_everywhere, Permission.READ),
        ]

    async def _ask(self, request: Request) -> Response:
        if from_elsewhere(request):
            return self._door.onward(request)
        return self._page(request)

    async def _sign_in(self, request: Request) -> Response:
        if not from_here(request):
            return self._door.refuse(request, ForbiddenError("This form was sent from another site."))
        source = source_of(request, "sign-in")
        try:
            form = await form_of(request, most_fields=_FIELDS)
            if await self._door.sessions.failures(source) >= MOST_FAILURES:
                return self._page(request, problem="often", status=429)
            return await self._try(request, form, source)
        except SolarisError as exc:
            return self._door.refuse(request, exc)

    async def _try(self, request: Request, form: FormData, source: str) -> Response:
        with_litellm = form.get("with") == "litellm"
        said = form.get("key")
        key = self._door.authenticator.key_of_session(request) if with_litellm else usable_key(str(said or ""))
        problem = ""
        if key is None:
            problem = "session" if with_litellm else "unknown"
        else:
            try:
                administrator = await self._door.authenticator.administrator(request, Permission.READ, key=key)
            except UnauthenticatedError:
                problem = "unknown"
            except ForbiddenError:
                problem = "forbidden"
        if problem or key is None:
            failures = await self._door.sessions.failed(source)
            _LOG.warning("a sign-in failed (%s), the %d. from %s", problem, failures, source)
            return self._page(request, problem=problem, status=403)
        former = self._door.badge(request)
        if former is not None:
            await self._door.sessions.end(former.session_id)
        badge = Badge.new(key)
        await self._door.sessions.begin(badge.session_id, administrator.actor, badge.digest)
        _LOG.info("%s has signed in", administrator.actor)
        response = RedirectResponse(root_of(request) + _local(str(form.get("next") or "")), 303)
        self._door.admit(response, request, badge)
        return response

    async def _sign_out(self, visit: Visit) -> Response:
        badge = self._door.badge(visit.request)
        if badge is not None:
            await self._door.sessions.end(badge.session_id)
        return self._out(visit)

    async def _sign_out_everywhere(self, visit: Visit) -> Response:
        await self._door.sessions.end_all(visit.administrator.actor)
        return self._out(visit)

    def _out(self, visit: Visit) -> Response:
        response = RedirectResponse(f"{visit.root}/admin/sign-in?out=1", 303)
        self._door.dismiss(response, visit.request)
        return response

    async def _look(self, request: Request) -> Response:
        """Change language or colours; whoever sends this form from elsewhere changes no more than that."""
        try:
            form = await form_of(request, most_fields=_FIELDS)
        except UnreadableFormError as exc:
            return self._door.refuse(request, exc)
        response = RedirectResponse(root_of(request) + _local(str(form.get("next") or "")), 303)
        keep_look(response, request, form, secure=self._door.secure)
        return response

    def _page(self, request: Request, *, problem: str = "", status: int = 200) -> Response:
        look = self._door.look(request)
        asked = request.query_params
        return page(
            "admin/sign_in.html",
            look.locale,
            status=status,
            root=root_of(request),
            theme=look.theme,
            framed=True,
            problem=problem,
            minutes=int(WINDOW.total_seconds()) // 60,
            ended="ended" in asked,
            out="out" in asked,
            next=_local(asked.get("next", "")),
            litellm=self._door.authenticator.key_of_session(request) is not None,
        )


def _local(wanted: str) -> str:
    """Where to lead on to, below the plugin's root: never to another site."""
    path, _, _ = wanted.partition("?")
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted and "//" not in path
    return wanted if plain and (wanted == "/admin" or wanted.startswith(("/admin/", "/admin?", "/me"))) else "/admin"
