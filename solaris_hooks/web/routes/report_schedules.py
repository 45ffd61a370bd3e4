"""Reports that are mailed again and again, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from solaris_hooks.web.dependencies import Changer, Reader, TheAdministration, TheReporting
from solaris_hooks.web.description import error_answers
from solaris_hooks.web.report_schedules import (
    RemovalQuery,
    ReportScheduleAnswer,
    ReportScheduleBody,
    ReportSchedulesAnswer,
)

router = APIRouter(prefix="/api/v1/report_schedules", tags=["exports"])
_CONFLICT = error_answers(409, "The idempotency key was used for another schedule.")
_NOT_FOUND = error_answers(404, "There is no such schedule.")
_LARGEST = 2**63 - 1


@router.get("", summary="List scheduled reports")
async def list_schedules(_: Reader, administration: TheAdministration) -> ReportSchedulesAnswer:
    """All schedules, in order of number."""
    return ReportSchedulesAnswer.of(await administration.report_schedules.all())


@router.post("", summary="Schedule a report", responses=_CONFLICT)
async def add_schedule(
    administrator: Changer, administration: TheAdministration, reporting: TheReporting, body: ReportScheduleBody
) -> ReportScheduleAnswer:
    """Mail a report every week or month, from its next day on."""
    new = body.schedule(administrator.actor, locale=reporting.locale)
    return ReportScheduleAnswer.of(
        await administration.report_schedules.add(new, administrators=reporting.administrators)
    )


@router.delete("/{number}", summary="Remove a scheduled report", responses=_NOT_FOUND)
async def remove_schedule(
    administrator: Changer,
    administration: TheAdministration,
    number: Annotated[int, Path(ge=1, le=_LARGEST, description="Number of the schedule.")],
    why: Annotated[RemovalQuery, Query()],
) -> ReportScheduleAnswer:
    """Mail it no longer; what was due before is sent all the same."""
    return ReportScheduleAnswer.of(
        await administration.report_schedules.remove(number, reason=why.reason, actor=administrator.actor)
    )
