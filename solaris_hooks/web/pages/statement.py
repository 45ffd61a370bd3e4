"""The statement of one account: what its user sees in a browser, without a script."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from solaris_hooks.ledger.members import account_as_seen_by, daily_usage_of
from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.records import Account, DailyUsage
from solaris_hooks.ledger.used_links import UsedLinks
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.projection import WINDOW_DAYS, exhaustion_day
from solaris_hooks.web.links import LinkError, Tickets
from solaris_hooks.web.pages.entries import lines
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.session import Sessions

LATEST_ENTRIES = 20


@dataclass(frozen=True, slots=True)
class StatementPages:
    """Opens links, and shows the statement of whoever has opened one.

    Attributes:
        links: what signs the links of the chat.
        used: which of them were opened.
        locale: language for readers of whom nothing is known.
    """

    books: Books
    links: Tickets
    used: UsedLinks
    sessions: Sessions
    locale: str

    async def show(self, request: Request) -> Response:
        """``GET /solaris/me``: open a link, or show the statement."""
        try:
            token = request.query_params.get("token")
            if token is not None:
                return await self._open(request, token)
            visitor = self.sessions.find(request)
            account = await account_as_seen_by(self.books, visitor.account_id, visitor.member_id) if visitor else None
            if visitor is None or account is None:
                return self._message(request, "page.sign_in", 401)
            response = await self._statement(request, account)
        except LinkError as exc:
            return self._message(request, "page.link_unusable", exc.status)
        except SolarisError as exc:
            return self._message(request, "refusal.unavailable", exc.status)
        self.sessions.begin(response, visitor.account_id, visitor.member_id, path=root_of(request))
        return response

    async def leave(self, request: Request) -> Response:
        """``POST /solaris/me/leave``: end the session."""
        response = RedirectResponse(f"{root_of(request)}/me", 303)
        self.sessions.end(response, path=root_of(request))
        return response

    async def _open(self, request: Request, token: str) -> Response:
        """Exchange a link for a session.

        The answer is a page that leads on, and no redirect: the browser would still take a redirected request for
        one of the site on which the link stood, and send no ``SameSite=Strict`` cookie with it.
        """
        if request.method != "GET":  # who only looks whether the link is there does not use it up
            return Response()
        ticket = self.links.read(token)
        expires_at = ticket.issued_at + dt.timedelta(seconds=self.links.lifetime_seconds)
        if not await self.used.use(ticket.account_id, ticket.link_id, expires_at=expires_at):
            raise LinkError
        account = await self.books.account(ticket.account_id)
        locale = account.balance.locale if account is not None else self.locale
        response = page("opening.html", locale, root=root_of(request))
        self.sessions.begin(response, ticket.account_id, ticket.member_id, path=root_of(request))
        return response

    async def _statement(self, request: Request, account: Account) -> Response:
        balance = account.balance
        zone = ZoneInfo(balance.time_zone)
        since = balance.period.start.astimezone(zone).date()
        today = max(since, dt.datetime.now(zone).date())
        first = min(since, today - dt.timedelta(days=WINDOW_DAYS - 1))
        known = await daily_usage_of(self.books, account, since=first, until=today)
        days = [each for each in known if each.day >= since]
        runs_out = exhaustion_day(
            balance.left, _by_day(known), today=today, renews_on=balance.renews_at.astimezone(zone).date()
        )
        # Those of a team tell what its other members do.
        own = balance.share is None
        entries = await self.books.entries(balance.account_id, limit=LATEST_ENTRIES) if own else ()
        return page(
            "statement.html",
            balance.locale,
            time_zone=balance.time_zone,
            root=root_of(request),
            account=account,
            runs_out=runs_out if balance.left > 0 else None,
            share=balance.share,
            balance=balance,
            models=_by_model(days).most_common(),
            days=sorted(_by_day(days).items(), reverse=True),
            most=max(_by_day(days).values(), default=0),
            entries=lines(balance.locale, entries),
        )

    def _message(self, request: Request, key: str, status: int) -> Response:
        return page("message.html", self.locale, status=status, root=root_of(request), key=key)


def add_pages(app: FastAPI, pages: StatementPages) -> None:
    """Put the pages and their style beside the API."""
    app.router.routes += [
        Route("/me", pages.show, methods=["GET"]),
        Route("/me/leave", pages.leave, methods=["POST"]),
        Mount("/static", StaticFiles(packages=[("solaris_hooks.web", "static")]), name="static"),
    ]


def _by_model(days: Sequence[DailyUsage]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for each in days:
        totals[each.model] += each.charge
    return totals


def _by_day(days: Sequence[DailyUsage]) -> Counter[dt.date]:
    totals: Counter[dt.date] = Counter()
    for each in days:
        totals[each.day] += each.charge
    return totals
