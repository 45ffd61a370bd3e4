"""The door of the admin interface: whoever has no session, no right or no genuine form does not get past it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from solaris_hooks.ledger.sessions import LONGEST, Sessions
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import Administrator, Authenticator, ForbiddenError, UnauthenticatedError
from solaris_hooks.web.admin.visit import Visit
from solaris_hooks.web.browsers import form_of, from_elsewhere, from_here
from solaris_hooks.web.look import Look, look_of
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.seals import Badge, Seals

_LOG = logging.getLogger(__name__)

COOKIE = "solaris_admin"

Answer = Callable[[Visit], Awaitable[Response]]
"""What answers a visit; SolarisErrors are shown as a page."""

AwayAnswer = Callable[[Request], Awaitable[Response | None]]
"""What answers a request while the books cannot be reached; None where they can."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets visits through to what answers them.

    Attributes:
        seals: what seals cookies and proves forms.
        secure: whether cookies travel over https alone.
        locale: language of readers whose browser says none that we know.
        time_zone: IANA name of the zone in which administrators' days begin.
    """

    authenticator: Authenticator
    sessions: Sessions
    seals: Seals
    secure: bool
    locale: str
    time_zone: str

    def get(
        self, path: str, answer: Answer, permission: Permission = Permission.READ, *, away: AwayAnswer | None = None
    ) -> Route:
        """A page that changes nothing.

        Args:
            path: below ``/solaris/admin``.
            answer: makes the page.
            permission: what the visitor needs.
            away: answers while the books, and with them the sessions, cannot be reached; None for the page that
                says so. It checks by itself who asks.
        """
        guarded = partial(self._guarded, permission=permission, answer=answer)
        return Route(f"/admin{path}", guarded if away is None else partial(_or_away, guarded, away), methods=["GET"])

    def post(self, path: str, answer: Answer, permission: Permission = Permission.CHANGE) -> Route:
        """A form that changes something. Arguments as of :meth:`get`."""
        return Route(f"/admin{path}", partial(self._guarded, permission=permission, answer=answer), methods=["POST"])

    def look(self, request: Request) -> Look:
        """How pages look to whoever asks: by his own choice, else by what his browser says."""
        return look_of(request, locale=self.locale, time_zone=self.time_zone)

    def admit(self, response: Response, request: Request, badge: Badge) -> None:
        """Let a browser show a badge from now on."""
        response.set_cookie(
            COOKIE,
            self.seals.seal(badge),
            max_age=int(LONGEST.total_seconds()),
            path=f"{root_of(request)}/admin",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def dismiss(self, response: Response, request: Request) -> None:
        """Let a browser show none."""
        response.delete_cookie(
            COOKIE, path=f"{root_of(request)}/admin", secure=self.secure, httponly=True, samesite="strict"
        )

    def badge(self, request: Request) -> Badge | None:
        """The badge that a browser shows; whether its session lives is not known yet."""
        return self.seals.open(request.cookies.get(COOKIE, ""))

    def refuse(self, request: Request, error: SolarisError) -> Response:
        """A page that says what is wrong."""
        if error.status >= 500:  # noqa: PLR2004 - HTTP
            _LOG.warning("%s %r: %s", request.method, request.url.path, error, exc_info=error)
        look = self.look(request)
        return page(
            "admin/error.html",
            look.locale,
            status=error.status,
            root=root_of(request),
            theme=look.theme,
            framed=True,
            error=error,
        )

    async def recent_administrator(self, request: Request) -> Administrator | None:
        """Who shows a badge, sealed no longer ago than sessions last, whose key LiteLLM takes for an administrator's.

        For when the books cannot tell whether his session lives: it may have been ended since.

        Raises:
            AuthenticationUnavailableError: LiteLLM cannot check keys now.
        """
        badge = self.seals.open(request.cookies.get(COOKIE, ""), sealed_within=LONGEST)
        if badge is None:
            return None
        try:
            return await self.authenticator.administrator(request, Permission.READ, key=badge.key)
        except (UnauthenticatedError, ForbiddenError):
            return None

    async def _guarded(self, request: Request, permission: Permission, answer: Answer) -> Response:
        if request.method == "POST" and not from_here(request):
            return self.refuse(request, ForbiddenError("This form was sent from another site."))
        try:
            badge = self.badge(request)
            if badge is None:
                return self._to_sign_in(request)
            following = badge.next()
            live = await self.sessions.visit(badge.digest, following.digest)
            if live is None or live.session_id != badge.session_id:
                return self._to_sign_in(request, ended=True)
            try:
                administrator = await self.authenticator.administrator(request, Permission.READ, key=badge.key)
            except (UnauthenticatedError, ForbiddenError):
                await self.sessions.end(live.session_id)
                return self._to_sign_in(request, ended=True)
            response = await self._answered(request, permission, administrator, badge, answer)
            if live.rotated:
                self.admit(response, request, following)
        except SolarisError as exc:
            return self.refuse(request, exc)
        else:
            return response

    async def _answered(
        self, request: Request, permission: Permission, administrator: Administrator, badge: Badge, answer: Answer
    ) -> Response:
        if not administrator.may(permission):
            return self.refuse(request, ForbiddenError("Your role does not permit this."))
        form = FormData()
        if request.method == "POST":
            form = await form_of(request)
            said = form.get("form_token") or request.headers.get("x-form-token")
            if not isinstance(said, str) or not self.seals.form_is_genuine(badge.session_id, said):
                return self.refuse(request, ForbiddenError("This form is none of this session's; open the page anew."))
        token = self.seals.form_token(badge.session_id)
        try:
            return await answer(Visit(request, administrator, self.look(request), token, form))
        except SolarisError as exc:
            return self.refuse(request, exc)

    def _to_sign_in(self, request: Request, *, ended: bool = False) -> Response:
        root = root_of(request)
        if request.method == "GET" and from_elsewhere(request):
            # From a link in a mail, say: the browser keeps a ``SameSite=Strict`` cookie back. Asked again from
            # here, it sends it.
            return self.onward(request)
        wanted = request.url.path.removeprefix(root)
        if request.url.query:
            wanted += f"?{request.url.query}"
        to = (
            f"{root}/admin/sign-in?next={quote(wanted, safe='')}"
            if request.method == "GET"
            else f"{root}/admin/sign-in"
        )
        to += ("&" if "?" in to else "?") + "ended=1" if ended else ""
        if request.headers.get("hx-request") == "true":
            return Response(status_code=401, headers={"HX-Redirect": f"{root}/admin/sign-in"})
        response = RedirectResponse(to, 303)
        if ended:
            self.dismiss(response, request)
        return response

    def onward(self, request: Request) -> Response:
        """A page that asks for the same address again, from this site."""
        look = self.look(request)
        query = f"?{request.url.query}" if request.url.query else ""
        return page(
            "admin/onward.html",
            look.locale,
            root=root_of(request),
            theme=look.theme,
            framed=True,
            to=f"{request.url.path}{query}",
        )


async def _or_away(guarded: Callable[[Request], Awaitable[Response]], away: AwayAnswer, request: Request) -> Response:
    """What answers while the books are away, if they are; else the page itself."""
    return await away(request) or await guarded(request)
