"""What an administrator sees first: how many there are, what was used today and this month, and how it goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.totals import AccountCounts, Span, TopAccounts, Totals
from solaris_hooks.quota import projection
from solaris_hooks.quota.costs import CostTable, Money


class TrendUnit(StrEnum):
    """What a trend has a point for."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


MOST_POINTS = {TrendUnit.HOUR: 24 * 31, TrendUnit.DAY: 366, TrendUnit.MONTH: 60}
"""Points of a trend at the most."""


@dataclass(frozen=True, slots=True)
class CostedSpan:
    """What was used in some time, and what it cost.

    Attributes:
        end: the first instant that no longer belongs to it, UTC.
        cost: an estimate; its amount is None where no cost of what was used is known.
    """

    span: Span
    end: dt.datetime
    cost: Money


@dataclass(frozen=True, slots=True)
class FrontPageFigures:
    """All figures of the overview.

    Attributes:
        as_of: up to when calls are in them, UTC; None where none are yet.
        counts: accounts by status and state, and what they were granted and have used in their periods.
        active_today: accounts that had a request today.
        today: what was used since local midnight.
        month: what was used in this calendar month.
        projected_month: booked tokens of the whole month, if use goes on as in the last seven days.
        currency: of costs; None where no costs are set.
    """

    as_of: dt.datetime | None
    time_zone: str
    counts: AccountCounts
    active_today: int
    today: CostedSpan
    month: CostedSpan
    projected_month: int
    currency: str | None


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class FrontPage:
    """Reads the figures."""

    def __init__(self, totals: Totals, costs: CostTable, *, now: Callable[[], dt.datetime] = _utc_now) -> None:
        """Keep the collaborators.

        Args:
            totals: what a job keeps.
            costs: of models; none set, none shown.
            now: the clock.
        """
        self._totals = totals
        self._costs = costs
        self._now = now

    @property
    def currency(self) -> str | None:
        """Of costs; None where no costs are set."""
        return self._costs.currency if self._costs else None

    async def figures(self, time_zone: str) -> FrontPageFigures:
        """Everything but trends and tops.

        Args:
            time_zone: IANA name of the zone in which days and months begin.
        """
        now = self._now()
        today = now.astimezone(ZoneInfo(time_zone)).date()
        tomorrow = today + dt.timedelta(days=1)
        month = today.replace(day=1)
        week = today - dt.timedelta(days=projection.WINDOW_DAYS)
        days = await self._spans(_days(min(month, week), tomorrow), time_zone)
        daily = {each.span.start.astimezone(ZoneInfo(time_zone)).date(): each.span.tokens for each in days}
        (of_month,) = await self._spans([month, tomorrow], time_zone)
        return FrontPageFigures(
            as_of=await self._totals.as_of(),
            time_zone=time_zone,
            counts=await self._totals.counts(),
            active_today=await self._totals.active_since(_midnight(today, time_zone)),
            today=days[-1],
            month=of_month,
            projected_month=projection.month_end(of_month.span.tokens, daily, today=today),
            currency=self.currency,
        )

    async def trend(self, unit: TrendUnit, points: int, time_zone: str) -> Sequence[CostedSpan]:
        """Use hour by hour, day by day or month by month; the last point is the one that runs. None is left out.

        Args:
            unit: what there is a point for.
            points: how many, up to :data:`MOST_POINTS`.
            time_zone: in which days and months begin. Months have the days that each account's own zone has.
        """
        today = self._now().astimezone(ZoneInfo(time_zone)).date()
        if unit is TrendUnit.MONTH:
            return await self._months([_months_on(today, back) for back in range(1 - points, 2)], time_zone)
        if unit is TrendUnit.DAY:
            first = today - dt.timedelta(days=points - 1)
            return await self._spans(_days(first, today + dt.timedelta(days=1)), time_zone)
        last = self._now().astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        return await self._between([last - dt.timedelta(hours=back) for back in range(points - 1, -2, -1)])

    async def use(self, first_day: dt.date, last_day: dt.date, time_zone: str) -> CostedSpan:
        """What was used on some local days, both included, with each model that was used."""
        (used,) = await self._spans([first_day, last_day + dt.timedelta(days=1)], time_zone)
        return used

    async def top_accounts(self, first_day: dt.date, last_day: dt.date, *, limit: int = 10) -> TopAccounts:
        """See :meth:`Totals.top_accounts`."""
        return await self._totals.top_accounts(first_day, last_day, limit=limit)

    async def _spans(self, starts: Sequence[dt.date], time_zone: str) -> Sequence[CostedSpan]:
        """From the beginning of each local day until before the next one of them."""
        return await self._between([_midnight(day, time_zone) for day in starts])

    async def _between(self, starts: Sequence[dt.datetime]) -> Sequence[CostedSpan]:
        return [self._cost(span, end) for span, end in zip(await self._totals.spans(starts), starts[1:], strict=True)]

    async def _months(self, starts: Sequence[dt.date], time_zone: str) -> Sequence[CostedSpan]:
        return [
            self._cost(Span(_midnight(first, time_zone), models), _midnight(end, time_zone))
            for models, (first, end) in zip(await self._totals.days(starts), pairwise(starts), strict=True)
        ]

    def _cost(self, span: Span, end: dt.datetime) -> CostedSpan:
        return CostedSpan(span, end, self._costs.total(span.used))


def _days(first: dt.date, end: dt.date) -> Sequence[dt.date]:
    """Every day from one to another, both included."""
    return [first + dt.timedelta(days=days) for days in range((end - first).days + 1)]


def _midnight(day: dt.date, time_zone: str) -> dt.datetime:
    """The first instant of a local day, UTC."""
    return dt.datetime.combine(day, dt.time.min, ZoneInfo(time_zone)).astimezone(dt.UTC)


def _months_on(day: dt.date, months: int) -> dt.date:
    """The first day of the month so many months after that of a day."""
    number = day.year * 12 + day.month - 1 + months
    return dt.date(number // 12, number % 12 + 1, 1)
