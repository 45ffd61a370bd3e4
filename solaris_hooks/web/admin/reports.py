"""Reports: what was used on some days, by user, model, plan or time; files of it, now and again and again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.exports.table import FileFormat
from solaris_hooks.exports.tables import accounts_table, audit_table, entries_table, usage_table
from solaris_hooks.ledger.account_list import AccountFilter
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.report_schedules import ReportSchedule
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.report_figures import figures_of
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit
from solaris_hooks.web.bodies import MAX_DAYS
from solaris_hooks.web.dependencies import existing
from solaris_hooks.web.downloads import download

SHOWN_ROWS = 100
_EARLIEST = dt.date(2000, 1, 1)


class ReportPages:
    """``/admin/reports``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the pages read."""
        self._services = services
        self._usage = services.books.usage_reports(services.settings.cost_table)

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/reports", self._show),
            door.get("/reports/export", self._export),
            door.get("/reports/accounts", self._accounts),
            door.get("/reports/audit", self._audit),
            door.get("/reports/entries", self._entries),
        ]

    async def _show(self, visit: Visit) -> Response:
        return await self.show(visit)

    async def show(
        self, visit: Visit, fields: Fields | None = None, *, status: int = 200, opened: str = ""
    ) -> Response:
        """The report that an address asks for, and the schedules.

        Args:
            visit: who asks for what.
            fields: a form of this page that was refused.
            status: of the answer.
            opened: which form that was: ``add``, or the number of a schedule.
        """
        today = dt.datetime.now(ZoneInfo(visit.look.time_zone)).date()
        asked = fields or Fields(visit)
        query = _this_month(today) if fields is not None else _asked(asked, visit, today)
        found = await figures_of(self._usage, self._services.front_page, query, rows=SHOWN_ROWS)
        wrong = fields is None and not asked.ok
        return visit.show(
            "_report.html" if visit.partial else "reports.html",
            status=400 if wrong else status,
            asked=asked,
            query=query,
            found=found,
            currency=self._usage.currency,
            ranges=_ranges(today),
            address=_address(query),
            schedules=[] if visit.partial else await self._schedules(),
            fields=fields,
            opened=opened,
            fresh_key=str(uuid4()),
            administrators=self._services.settings.alerts.admin_addresses,
            admin_locale=self._services.settings.alerts.admin_locale,
            mails=self._services.settings.mail is not None,
            report_hour=self._services.settings.alerts.report_hour,
        )

    async def _schedules(self) -> list[tuple[ReportSchedule, dt.date]]:
        """All schedules, and the next day on which each is due."""
        settings = self._services.settings
        local = dt.datetime.now(ZoneInfo(settings.default_time_zone))
        # Before the hour of reports, those of today are still to come.
        passed = (local - dt.timedelta(hours=settings.alerts.report_hour)).date()
        found = await self._services.books.report_schedules.all()
        return [(each, each.rhythm.following(passed)) for each in found]

    async def _export(self, visit: Visit) -> Response:
        """The report as a file, all of its rows."""
        fields = Fields(visit)
        query = _asked(fields, visit, dt.datetime.now(ZoneInfo(visit.look.time_zone)).date())
        if fields.problems:
            wrong = next(iter(fields.problems))
            raise InvalidRequestError(f'There is no report with such a value of "{wrong}".', param=wrong)
        return await download(usage_table(self._usage, query), _format(visit), bom=True)

    async def _accounts(self, visit: Visit) -> Response:
        """All accounts as a file."""
        return await download(accounts_table(self._services.books, AccountFilter()), _format(visit), bom=True)

    async def _audit(self, visit: Visit) -> Response:
        """The audit trail as a file."""
        return await download(audit_table(self._services.books, AuditFilter()), _format(visit), bom=True)

    async def _entries(self, visit: Visit) -> Response:
        """All entries of an account as a file."""
        known = await existing(self._services.books, account_id(visit.text("account", longest=300)))
        return await download(entries_table(self._services.books, known.balance.account_id), _format(visit), bom=True)


def _format(visit: Visit) -> FileFormat:
    """What a file is written as.

    Raises:
        InvalidRequestError: there is no such format.
    """
    said = visit.text("format")
    if said not in set(FileFormat):
        raise InvalidRequestError(f'"format" must be one of {", ".join(FileFormat)}.', param="format")
    return FileFormat(said)


def _this_month(today: dt.date) -> ReportQuery:
    """The report of a page that shows a refused form again."""
    return ReportQuery(ReportGrouping.USER, today.replace(day=1), today)


def _asked(fields: Fields, visit: Visit, today: dt.date) -> ReportQuery:
    """The report that an address asks for; where it asks for what cannot be, a report of this month."""
    by = fields.choice("by", [each.value for each in ReportGrouping], required=False)
    unit = fields.choice("unit", [each.value for each in ReportUnit], required=False)
    last = _day(fields, visit, "until", today)
    first = _day(fields, visit, "since", last.replace(day=1))
    if not fields.problems and (first > last or (last - first).days >= MAX_DAYS):
        fields.problems["since"] = Problem.WRONG_ORDER if first > last else Problem.TOO_MANY_DAYS
    if fields.problems:
        first, last = today.replace(day=1), today
    return ReportQuery(
        ReportGrouping(by) if "by" not in fields.problems and by else ReportGrouping.USER,
        first,
        last,
        ReportUnit(unit) if "unit" not in fields.problems and unit else ReportUnit.WHOLE,
    )


def _day(fields: Fields, visit: Visit, name: str, default: dt.date) -> dt.date:
    said = visit.text(name)
    if not said:
        return default
    try:
        day = dt.date.fromisoformat(said)
    except ValueError:
        day = dt.date.min
    if day < _EARLIEST:
        fields.problems[name] = Problem.NO_DAY
        return default
    return day


def _ranges(today: dt.date) -> Mapping[str, tuple[dt.date, dt.date]]:
    """Ranges on offer, by the name of what they are."""
    month = today.replace(day=1)
    last_month = month - dt.timedelta(days=1)
    return {
        "this_month": (month, today),
        "last_month": (last_month.replace(day=1), last_month),
        "30_days": (today - dt.timedelta(days=29), today),
        "this_year": (today.replace(month=1, day=1), today),
    }


def _address(query: ReportQuery) -> str:
    """What the address of a report says after its question mark."""
    return urlencode(
        {
            "by": query.by.value,
            "unit": query.unit.value,
            "since": query.first_day.isoformat(),
            "until": query.last_day.isoformat(),
        }
    )
