"""Why was this refused? Every refusal with the numbers of its moment."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.refusal_book import RefusalFilter, RefusalTotal
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.ledger.refusal_words import explain
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

ROWS = 50
DAYS = 14
_ACCOUNT_KINDS = ("user:", "key:", "end_user:", "team:")


class RefusalPages:
    """``/admin/refusals``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the pages read."""
        self._refusals = services.books.refusals

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [door.get("/refusals", self._list), door.get("/refusals/{refusal}", self._why)]

    async def _list(self, visit: Visit) -> Response:
        """Find refusals by the id that the client was told, by account, by reason, by day and by model."""
        asked = visit.text("q", longest=300)
        exact = _uuid(asked)
        if exact is not None and await self._refusals.get(exact) is not None:
            return visit.to(f"/refusals/{exact}")
        wanted = _wanted(visit, asked)
        found = await self._refusals.find(wanted, limit=ROWS + 1)
        today = dt.datetime.now(ZoneInfo(visit.look.time_zone)).date()
        totals = await self._refusals.totals(
            since=today - dt.timedelta(days=DAYS - 1), until=today, account_id=wanted.account_id
        )
        return visit.show(
            "_refusals.html" if visit.partial else "refusals.html",
            asked=asked,
            reason=visit.text("reason"),
            day=visit.text("day"),
            model=visit.text("model", longest=300),
            reasons=[each for each in RefusalReason if each is not RefusalReason.OTHER],
            refusals=found[:ROWS],
            next_before=found[ROWS - 1].refusal_id if len(found) > ROWS else None,
            days=_by_day(totals, today),
            by_reason=_by_reason(totals),
        )

    async def _why(self, visit: Visit) -> Response:
        wanted = _uuid(visit.segment("refusal"))
        refusal = await self._refusals.get(wanted) if wanted is not None else None
        if refusal is None:
            raise NotFoundError("There is no such refusal; it may be older than refusals_keep_days.")
        return visit.show("refusal.html", refusal=refusal, words=explain(refusal, visit.look.locale))


def _wanted(visit: Visit, asked: str) -> RefusalFilter:
    reason = visit.text("reason")
    since = until = None
    day = visit.text("day")
    if day:
        try:
            start = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), ZoneInfo(visit.look.time_zone))
            since, until = start.astimezone(dt.UTC), (start + dt.timedelta(days=1)).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            since = until = None
    known = asked if asked.startswith(_ACCOUNT_KINDS) else f"user:{asked}" if asked else None
    return RefusalFilter(
        account_id=account_id(known) if known is not None else None,
        reason=RefusalReason(reason) if reason in set(RefusalReason) else None,
        model=visit.text("model", longest=300) or None,
        since=since,
        until=until,
        before=_uuid(visit.text("before")),
    )


def _by_day(totals: Sequence[RefusalTotal], today: dt.date) -> list[tuple[dt.date, int]]:
    counts = Counter[dt.date]()
    for each in totals:
        counts[each.day] += each.count
    return [(day, counts[day]) for day in (today - dt.timedelta(days=back) for back in range(DAYS - 1, -1, -1))]


def _by_reason(totals: Sequence[RefusalTotal]) -> list[tuple[RefusalReason, int]]:
    counts = Counter[RefusalReason]()
    for each in totals:
        counts[each.reason] += each.count
    return counts.most_common()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
