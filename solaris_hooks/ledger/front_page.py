"""What an administrator sees first: how many there are, what was used today and this month, and how it goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.totals import AccountCounts, Span, TopAccounts, Totals, TrendUnit
from solaris_hooks.quota import projection
from solaris_hooks.quota.costs import CostTable, Money

MOST_POINTS = {TrendUnit.HOUR: 24 * 31, TrendUnit.DAY: 366, TrendUnit.MONTH: 60}
"""Points of a trend at the most."""


@dataclass(frozen=True, slots=True)
class CostedSpan:
    """What was used in some time, and what it cost.

    Attributes:
        end: the first instant that no longer belongs to it, UTC.
        cost: an estimate; its amount is None where no cost of any used model is known.
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
        days = await self._costed(TrendUnit.DAY, min(month, week), tomorrow, time_zone)
        daily = {each.span.start.astimezone(ZoneInfo(time_zone)).date(): each.span.tokens for each in days}
        of_month = await self._use(month, tomorrow, time_zone)
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
            time_zone: in which days and months begin.
        """
        today = self._now().astimezone(ZoneInfo(time_zone)).date()
        if unit is TrendUnit.HOUR:
            last = self._now().astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
            hours = [last - dt.timedelta(hours=back) for back in range(points - 1, -2, -1)]
            return await self._between(unit, hours, time_zone)
        if unit is TrendUnit.DAY:
            first, end = today - dt.timedelta(days=points - 1), today + dt.timedelta(days=1)
        else:
            first, end = _months_on(today, 1 - points), _months_on(today, 1)
        return await self._costed(unit, first, end, time_zone)

    async def use(self, first_day: dt.date, last_day: dt.date, time_zone: str) -> CostedSpan:
        """What was used on some local days, both included, with each model that was used."""
        return await self._use(first_day, last_day + dt.timedelta(days=1), time_zone)

    async def top_accounts(self, first_day: dt.date, last_day: dt.date, *, limit: int = 10) -> TopAccounts:
        """See :meth:`Totals.top_accounts`."""
        return await self._totals.top_accounts(first_day, last_day, limit=limit)

    async def _use(self, first: dt.date, end: dt.date, time_zone: str) -> CostedSpan:
        since, until = _midnight(first, time_zone), _midnight(end, time_zone)
        return self._cost(await self._totals.use(since, until), until)

    async def _costed(self, unit: TrendUnit, first: dt.date, end: dt.date, time_zone: str) -> Sequence[CostedSpan]:
        step = 0 if unit is TrendUnit.DAY else 1
        starts = [first]
        while starts[-1] < end:
            day = starts[-1]
            starts.append(_months_on(day, 1) if step else day + dt.timedelta(days=1))
        return await self._between(unit, [_midnight(day, time_zone) for day in starts], time_zone)

    async def _between(self, unit: TrendUnit, starts: Sequence[dt.datetime], time_zone: str) -> Sequence[CostedSpan]:
        """A span from each moment until before the next one, whether anything was used or not."""
        found = await self._totals.spans(unit, starts[0], starts[-1], time_zone=time_zone)
        known = {span.start: span for span in found}
        return [self._cost(known.get(start, Span(start)), end) for start, end in pairwise(starts)]

    def _cost(self, span: Span, end: dt.datetime) -> CostedSpan:
        return CostedSpan(span, end, self._costs.total(span.used))


def _midnight(day: dt.date, time_zone: str) -> dt.datetime:
    """The first instant of a local day, UTC."""
    return dt.datetime.combine(day, dt.time.min, ZoneInfo(time_zone)).astimezone(dt.UTC)


def _months_on(day: dt.date, months: int) -> dt.date:
    """The first day of the month so many months after that of a day."""
    number = day.year * 12 + day.month - 1 + months
    return dt.date(number // 12, number % 12 + 1, 1)
