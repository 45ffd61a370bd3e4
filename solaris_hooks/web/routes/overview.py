"""Figures over all accounts, for administrators: read from totals that are some seconds old."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.web.bodies import MAX_DAYS
from solaris_hooks.web.dependencies import Reader, TheReporting
from solaris_hooks.web.overview_answers import (
    DaysQuery,
    OverviewAnswer,
    SpanAnswer,
    TopAccountsAnswer,
    TopQuery,
    TrendAnswer,
    TrendQuery,
    UseAnswer,
    ZoneQuery,
)

router = APIRouter(prefix="/api/v1/overview", tags=["overview"])


@router.get("", summary="Read the figures of today and this month")
async def read_overview(_: Reader, reporting: TheReporting, query: Annotated[ZoneQuery, Query()]) -> OverviewAnswer:
    """Accounts by status and state of use, tokens and cost of today and this month, and how the month may end."""
    return OverviewAnswer.of(await reporting.front_page.figures(query.zone(reporting.time_zone)))


@router.get("/trend", summary="Read use over time")
async def read_trend(_: Reader, reporting: TheReporting, query: Annotated[TrendQuery, Query()]) -> TrendAnswer:
    """Requests, booked tokens and cost hour by hour, day by day or month by month."""
    zone = query.zone(reporting.time_zone)
    spans = await reporting.front_page.trend(query.unit, query.points, zone)
    return TrendAnswer(unit=query.unit, time_zone=zone, data=[SpanAnswer.of(each) for each in spans])


@router.get("/use", summary="Read what was used on some days, by model")
async def read_use(_: Reader, reporting: TheReporting, query: Annotated[DaysQuery, Query()]) -> UseAnswer:
    """Requests, tokens and cost of some local days, both ends included; models by use."""
    zone = query.zone(reporting.time_zone)
    first, last = days_of(query, zone)
    return UseAnswer.of(await reporting.front_page.use(first, last, zone))


@router.get("/top-accounts", summary="Read who used most on some days")
async def read_top(_: Reader, reporting: TheReporting, query: Annotated[TopQuery, Query()]) -> TopAccountsAnswer:
    """Kept are today, the last 7, 30 and 90 days, this month and the last one, in the zone default_time_zone."""
    first, last = days_of(query, query.zone(reporting.time_zone))
    return TopAccountsAnswer.of(first, last, await reporting.front_page.top_accounts(first, last, limit=query.limit))


def days_of(query: DaysQuery, time_zone: str) -> tuple[dt.date, dt.date]:
    """The days that are asked for; of this month where none are named.

    Raises:
        InvalidRequestError: they are in the wrong order, or too many.
    """
    last = query.until or dt.datetime.now(ZoneInfo(time_zone)).date()
    first = query.since or last.replace(day=1)
    if first > last:
        raise InvalidRequestError('"since" must not be after "until".', param="since")
    if (last - first).days >= MAX_DAYS:
        raise InvalidRequestError(f"Ask for at most {MAX_DAYS} days at once.", param="since")
    return first, last
