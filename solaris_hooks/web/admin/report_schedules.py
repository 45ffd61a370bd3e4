"""Reports that are mailed again and again: added and removed on the page of reports."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.report_schedules import (
    LAST_DAY_OF_MONTH,
    Every,
    NewSchedule,
    Rhythm,
    ScheduledFormat,
    ScheduledReport,
)
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.errors import NotFoundError, SolarisError
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.reports import ReportPages
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

_LONGEST_KEY = 64
_LONGEST_RECIPIENTS = 2000
_WHEN = re.compile(r"(?P<every>week|month)-(?P<on>\d{1,2})", re.ASCII)
_LARGEST = 2**63 - 1
WHEN = [f"week-{day}" for day in range(1, 8)] + [f"month-{day}" for day in range(1, LAST_DAY_OF_MONTH + 1)]


class ReportScheduleForms:
    """The forms of scheduled reports."""

    def __init__(self, services: AdminServices, pages: ReportPages) -> None:
        """Keep what is changed, and the page that shows a form again that was refused."""
        self._schedules = services.books.report_schedules
        self._administrators = services.settings.alerts.admin_addresses
        self._pages = pages

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of these forms."""
        return [
            door.post("/reports/schedules", self._add, Permission.CHANGE),
            door.post("/reports/schedules/{number}/remove", self._remove, Permission.CHANGE),
        ]

    async def _add(self, visit: Visit) -> Response:
        fields = Fields(visit)
        report = fields.choice("report", [each.value for each in ScheduledReport])
        when = _WHEN.fullmatch(fields.choice("when", WHEN))
        file_format = fields.choice("format", [each.value for each in ScheduledFormat])
        locale = fields.choice("locale", LOCALES)
        recipients = _addresses(visit.text("recipients", longest=_LONGEST_RECIPIENTS + 1))
        if len(visit.text("recipients", longest=_LONGEST_RECIPIENTS + 1)) > _LONGEST_RECIPIENTS:
            fields.problems["recipients"] = Problem.TOO_LONG
        reason = fields.text("reason")
        key = fields.text("key", longest=_LONGEST_KEY)
        if fields.ok and when is not None:
            new = NewSchedule(
                report=ScheduledReport(report),
                rhythm=Rhythm(Every(when["every"]), int(when["on"])),
                format=ScheduledFormat(file_format),
                recipients=recipients,
                locale=locale,
                reason=reason,
                actor=visit.administrator.actor,
                idempotency_key=f"page:{key}",
            )
            try:
                await self._schedules.add(new, administrators=self._administrators)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to("/reports", done="scheduled")
        return await self._pages.show(visit, fields, status=400, opened="add")

    async def _remove(self, visit: Visit) -> Response:
        fields = Fields(visit)
        number = visit.segment("number")
        reason = fields.text("reason")
        if not fields.ok:
            return await self._pages.show(visit, fields, status=400, opened=number)
        if not re.fullmatch(r"\d{1,19}", number, re.ASCII) or int(number) > _LARGEST:
            raise NotFoundError
        await self._schedules.remove(int(number), reason=reason, actor=visit.administrator.actor)
        return visit.to("/reports", done="unscheduled")


def _addresses(text: str) -> list[str]:
    """Addresses with commas, semicolons or blanks between them."""
    return [each for each in re.split(r"[\s,;]+", text) if each]
