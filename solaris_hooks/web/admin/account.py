"""One account: its balance, its use, its history, and what can be done with it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from solaris_hooks.exports.table import FileFormat, file_name
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.delivery_records import DeliveryFilter
from solaris_hooks.ledger.records import Account, DailyUsage
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.quota.projection import exhaustion_day
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices, LiteLLMKey
from solaris_hooks.web.admin.visit import Visit
from solaris_hooks.web.dependencies import existing
from solaris_hooks.web.export import exported

DAYS = 30
_ROWS = 25
_LOTS = 50


class AccountPages:
    """``/admin/accounts/{account}``: what is known of it."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._services = services

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/accounts/{account}", self.show),
            door.get("/accounts/{account}/entries", self._entries),
            door.get("/accounts/{account}/export", self._export),
        ]

    async def show(self, visit: Visit, fields: Fields | None = None, *, opened: str = "") -> Response:
        """The page of an account.

        Args:
            visit: names the account in its address.
            fields: a form that was refused, shown again with what was typed.
            opened: which form that was.
        """
        books = self._services.books
        account = await existing(books, account_id(visit.segment("account")))
        balance = account.balance
        today = dt.datetime.now(ZoneInfo(balance.time_zone)).date()
        first = today - dt.timedelta(days=DAYS - 1)
        used = await books.daily_usage(balance.account_id, since=first, until=today)
        days = _by_day(used)
        renews_on = balance.renews_at.astimezone(ZoneInfo(balance.time_zone)).date()
        runs_out = exhaustion_day(balance.remaining, days, today=today, renews_on=renews_on)
        return visit.show(
            "account.html",
            status=400 if fields is not None else 200,
            account=account,
            balance=balance,
            runs_out=runs_out if balance.remaining > 0 else None,
            days=[(day, days[day]) for day in (first + dt.timedelta(days=each) for each in range(DAYS))],
            models=_by_model(used),
            entries=await books.entries(balance.account_id, limit=_ROWS),
            holds=await books.holds(balance.account_id, limit=_ROWS),
            lots=await books.lots.all(balance.account_id, limit=_LOTS),
            deliveries=await books.deliveries.deliveries(DeliveryFilter(account_id=balance.account_id), limit=_ROWS),
            audit=await books.trail.records(AuditFilter(account_id=balance.account_id), limit=_ROWS),
            keys=await self._keys(balance.account_id),
            plans=await books.plans() if visit.may("change") else [],
            preferences=await books.actions.preferences(balance.account_id),
            fields=fields,
            opened=opened,
            fresh_key=uuid4().hex,
        )

    async def _keys(self, wanted: AccountId) -> Sequence[LiteLLMKey] | None:
        """The account's keys; None where nobody can tell."""
        return await self._services.keys_of(wanted) if self._services.keys_of is not None else None

    async def _entries(self, visit: Visit) -> Response:
        account: Account = await existing(self._services.books, account_id(visit.segment("account")))
        before = visit.text("before")
        entries = await self._services.books.entries(
            account.balance.account_id,
            limit=_ROWS,
            before=int(before) if before.isascii() and before.isdigit() else None,
        )
        template = "_entries.html" if visit.partial else "entries.html"
        return visit.show(template, account=account, balance=account.balance, entries=entries)

    async def _export(self, visit: Visit) -> Response:
        """All that the books know of the account, written while it is read."""
        books = self._services.books
        account = await existing(books, account_id(visit.segment("account")))
        name = file_name(f"solaris-{account.balance.account_id}", FileFormat.JSON)
        return StreamingResponse(
            exported(books, account, own=False),
            media_type="application/json",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )


def _by_day(used: Sequence[DailyUsage]) -> Counter[dt.date]:
    """Booked tokens of each day with use."""
    totals = Counter[dt.date]()
    for each in used:
        totals[each.day] += each.charge
    return totals


def _by_model(used: Sequence[DailyUsage]) -> list[tuple[str, int, int]]:
    """Model, booked tokens and requests, the most used first."""
    tokens, requests = Counter[str](), Counter[str]()
    for each in used:
        tokens[each.model] += each.charge
        requests[each.model] += each.requests
    return [(model, charge, requests[model]) for model, charge in tokens.most_common()]
