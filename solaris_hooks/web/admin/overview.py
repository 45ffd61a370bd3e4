"""The overview: one glance tells how many there are, what they use, and what needs a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.account_list import AccountFilter, AccountSort
from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.front_page import TrendUnit
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.balance import State
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

TRENDS: Mapping[str, tuple[TrendUnit, int]] = {
    "hour": (TrendUnit.HOUR, 48),
    "day": (TrendUnit.DAY, 30),
    "month": (TrendUnit.MONTH, 12),
}
"""Trends on offer: what there is a point for, and how many."""

_NAMED = 8
_MODELS = 7
_WAITING = 100
_REASONS = 2


class OverviewPages:
    """``/admin``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._services = services

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("", self._show), door.get("/live", self._live)]

    async def _show(self, visit: Visit) -> Response:
        chosen = visit.text("trend")
        name = chosen if chosen in TRENDS else "day"
        unit, points = TRENDS[name]
        page, time_zone = self._services.front_page, visit.look.time_zone
        today = dt.datetime.now(ZoneInfo(time_zone)).date()
        month = await page.use(today.replace(day=1), today, time_zone)
        top = await page.top_accounts(today.replace(day=1), today, limit=_NAMED)
        return visit.show(
            "overview.html",
            status=200,
            **await self._figures(visit),
            trend=await page.trend(unit, points, time_zone),
            trend_name=name,
            models=month.span.models[:_MODELS],
            other_models=sum(each.tokens for each in month.span.models[_MODELS:]),
            top=top.accounts,
            near=await self._near_the_limit(),
        )

    async def _near_the_limit(self) -> Sequence[Account]:
        """Who has used most of what was granted to him, from the first state on that is not normal."""
        page = await self._services.books.account_list.page(
            AccountFilter(), sort=AccountSort.USE_PERCENT, descending=True, limit=_NAMED
        )
        return [each for each in page.accounts if each.balance.state is not State.NORMAL]

    async def _live(self, visit: Visit) -> Response:
        """The figures alone, for a script that asks again and again."""
        if not visit.partial:
            return visit.to("")
        return visit.show("_figures.html", status=200, **await self._figures(visit))

    async def _figures(self, visit: Visit) -> dict[str, object]:
        books = self._services.books
        today = dt.datetime.now(ZoneInfo(visit.look.time_zone)).date()
        refused = await books.refusals.totals(since=today, until=today)
        waiting = await books.requests.find(state=RequestState.REQUESTED, limit=_WAITING)
        return {
            "figures": await self._services.front_page.figures(visit.look.time_zone),
            "waiting": len(waiting),
            "more_wait": len(waiting) == _WAITING,
            "deliveries": await books.deliveries.health(),
            "refused_today": sum(each.count for each in refused),
            "refused_why": sorted(refused, key=lambda each: -each.count)[:_REASONS],
        }
