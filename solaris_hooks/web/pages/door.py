"""The door to users' pages: everybody sees his own account, and whoever has no session sees none."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from solaris_hooks.ledger.members import account_as_seen_by
from solaris_hooks.ledger.records import Account
from solaris_hooks.ledger.sessions import LONGEST, WINDOW, LiveSession
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.web.access import ForbiddenError, UnauthenticatedError
from solaris_hooks.web.browsers import form_of, from_elsewhere, from_here
from solaris_hooks.web.look import look_of, theme_of
from solaris_hooks.web.member_view import redacted
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.pages.services import PageServices
from solaris_hooks.web.pages.visit import OwnVisit
from solaris_hooks.web.pages.whose import Whose
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.seals import Badge, Seals

_LOG = logging.getLogger(__name__)

COOKIE = "solaris_session"

LONGEST_BY_LINK = dt.timedelta(hours=1)
"""A session that a link has opened ends after so long, used or not: there is no key that could be revoked meanwhile."""

MOST_FIELDS = 50

Answer = Callable[[OwnVisit], Awaitable[Response]]
"""What answers a visit; SolarisErrors are shown as a page."""


@dataclass(frozen=True, slots=True)
class OwnDoor:
    """Lets users through to their own account.

    A session is known to the books, so that it can be ended from elsewhere. One that began with a key has the key
    sealed in its cookie, and LiteLLM is asked about it at every page.

    Attributes:
        seals: what seals cookies and proves forms.
        secure: whether cookies travel over https alone.
        locale: language of readers of whom nothing is known.
        time_zone: IANA name of the zone of their days.
    """

    services: PageServices
    seals: Seals
    secure: bool
    locale: str
    time_zone: str

    def get(self, path: str, answer: Answer) -> Route:
        """A page that changes nothing.

        Args:
            path: below ``/solaris/me``.
            answer: makes the page.
        """
        return Route(f"/me{path}", partial(self.guarded, answer=answer), methods=["GET"])

    def post(self, path: str, answer: Answer) -> Route:
        """A form that changes something. Arguments as of :meth:`get`."""
        return Route(f"/me{path}", partial(self._taken, answer=answer), methods=["POST"])

    async def guarded(self, request: Request, answer: Answer) -> Response:
        """Let whoever has a session through to his own account; ask everybody else to sign in."""
        try:
            badge = self.badge(request)
            if badge is None:
                return self.entrance(request, 401)
            following = badge.next()
            live = await self.services.sessions.visit(badge.digest, following.digest, longest=longest_of(badge))
            if live is None or live.session_id != badge.session_id:
                return self.entrance(request, 401, problem="ended")
            account = await self._account(request, badge, live)
            if account is None:
                await self.services.sessions.end(live.session_id)
                return self.entrance(request, 401, problem="ended")
            response = await self._answered(request, badge, account, answer)
            # Whoever has just signed out keeps no cookie.
            if live.rotated and not response.headers.getlist("set-cookie"):
                self.admit(response, request, following)
        except SolarisError as exc:
            return self.refuse(request, exc)
        else:
            return response

    def badge(self, request: Request) -> Badge | None:
        """The badge that a browser shows; whether its session lives is not known yet."""
        return self.seals.open(request.cookies.get(COOKIE, ""))

    async def begin(self, response: Response, request: Request, whose: Whose, *, key: str = "") -> None:
        """Begin a session of somebody in this browser, in place of any that it had.

        Args:
            response: gets the cookie.
            request: of the browser.
            whose: session it is.
            key: what it was begun with; empty for a link.
        """
        former = self.badge(request)
        if former is not None:
            await self.services.sessions.end(former.session_id)
        badge = Badge.new(key)
        await self.services.sessions.begin(badge.session_id, whose.actor, badge.digest)
        self.admit(response, request, badge)

    def admit(self, response: Response, request: Request, badge: Badge) -> None:
        """Let a browser show a badge from now on."""
        response.set_cookie(
            COOKIE,
            self.seals.seal(badge),
            max_age=int(longest_of(badge).total_seconds()),
            path=f"{root_of(request)}/me",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def dismiss(self, response: Response, request: Request) -> None:
        """Let a browser show none."""
        response.delete_cookie(
            COOKIE, path=f"{root_of(request)}/me", secure=self.secure, httponly=True, samesite="strict"
        )

    def entrance(self, request: Request, status: int, *, problem: str = "") -> Response:
        """The page on which users sign in; or, for whoever comes from another site, one that asks again from here.

        The browser keeps a ``SameSite=Strict`` cookie back from a request that another site, such as the chat, led to.

        Args:
            request: the request.
            status: of the page.
            problem: what the page says: a key of ``sign_in.html``.
        """
        if not problem and request.method == "GET" and from_elsewhere(request) and self.badge(request) is None:
            return self._page(request, "onward.html", to=request.url.path)
        response = self._page(
            request, "sign_in.html", status=status, problem=problem, minutes=int(WINDOW.total_seconds()) // 60
        )
        if request.headers.get("hx-request") == "true":
            response.headers["HX-Refresh"] = "true"
        return response

    def refuse(self, request: Request, error: SolarisError, locale: str | None = None) -> Response:
        """A page that says what is wrong, in the language of the account if it is known."""
        if error.status >= 500:  # noqa: PLR2004 - HTTP
            _LOG.warning("%s %r: %s", request.method, request.url.path, error, exc_info=error)
        return self._page(request, "error.html", locale=locale, status=error.status, error=error)

    async def _taken(self, request: Request, answer: Answer) -> Response:
        if not from_here(request):
            return self.refuse(request, ForbiddenError("This form was sent from another site."))
        return await self.guarded(request, answer)

    async def _account(self, request: Request, badge: Badge, live: LiveSession) -> Account | None:
        """The account of a session, as its owner may see it.

        None where its key is no longer good, or pays from another account, or another member of the team has it.
        """
        whose = Whose.of(live.actor)
        if badge.key:
            try:
                holder = await self.services.api.authenticator.holder(request, key=badge.key)
            except (UnauthenticatedError, ForbiddenError):
                return None
            if Whose(holder.account_id, holder.member_id) != whose:
                return None
        account = await account_as_seen_by(self.services.books, whose.account_id, whose.member_id)
        return redacted(account) if account is not None else None

    async def _answered(self, request: Request, badge: Badge, account: Account, answer: Answer) -> Response:
        token = self.seals.form_token(badge.session_id)
        form = FormData()
        locale = OwnVisit(request, account, theme_of(request), token).locale
        try:
            if request.method == "POST":
                form = await form_of(request, most_fields=MOST_FIELDS)
                said = form.get("form_token")
                if not isinstance(said, str) or not self.seals.form_is_genuine(badge.session_id, said):
                    raise ForbiddenError("This form is none of this session's; open the page anew.")
            return await answer(OwnVisit(request, account, theme_of(request), token, form))
        except SolarisError as exc:
            return self.refuse(request, exc, locale)

    def _page(
        self, request: Request, template: str, *, locale: str | None = None, status: int = 200, **values: object
    ) -> Response:
        look = look_of(request, locale=self.locale, time_zone=self.time_zone)
        return page(
            f"me/{template}",
            locale or look.locale,
            status=status,
            time_zone=look.time_zone,
            root=root_of(request),
            theme=look.theme,
            framed=False,
            **values,
        )


def longest_of(badge: Badge) -> dt.timedelta:
    """After how long a session ends, used or not."""
    return LONGEST if badge.key else LONGEST_BY_LINK
