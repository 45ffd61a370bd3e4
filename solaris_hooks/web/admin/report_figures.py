"""What a page shows of a report: its first rows, sums over all of it, and a chart. However many accounts there are."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal

from solaris_hooks.ledger.front_page import FrontPage
from solaris_hooks.ledger.usage_reports import PostgresUsageReports, ReportGrouping, ReportQuery, ReportUnit, UsageRow

CHARTED = 10
"""Groups in the chart of a report on one period."""

Part = tuple[str | dt.date, int]
"""What a chart shows: a group or the first day of a period, and its tokens."""


@dataclass(slots=True)
class Sums:
    """Sums over all rows of a report.

    Attributes:
        cost: of the models that have costs; None where none of them has.
    """

    requests: int = 0
    estimated_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tokens: int = 0
    cost: Decimal | None = None

    def add(self, row: UsageRow) -> None:
        """Count a row."""
        self.requests += row.requests
        self.estimated_requests += row.estimated_requests
        self.input_tokens += row.input_tokens
        self.output_tokens += row.output_tokens
        self.tokens += row.tokens
        if row.cost is not None:
            self.cost = (self.cost or Decimal(0)) + row.cost


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """What there is to show.

    Attributes:
        rows: the first of them.
        more: how many further ones there are, where that is known; None where nobody has counted.
        chart: periods in order, or the largest groups; nothing where these are not known.
    """

    rows: Sequence[UsageRow]
    more: int | None
    sums: Sums
    chart: Sequence[Part]


async def figures_of(
    reports: PostgresUsageReports, front_page: FrontPage, query: ReportQuery, *, rows: int
) -> ReportFigures:
    """Read a report.

    One by user has a row for every account: its sums and its periods are those of the totals over all accounts,
    which are seconds behind, and whoever used most is known for the days on offer. One by team in many periods is read
    as far as it is shown. Every other report is read whole.

    Args:
        reports: reads rows.
        front_page: tells who used most.
        query: which report.
        rows: how many are shown at the most.
    """
    whole = query.unit is ReportUnit.WHOLE
    if query.by is ReportGrouping.USER:
        periods: Sequence[UsageRow] = [row async for row in reports.rows(replace(query, by=ReportGrouping.PERIOD))]
        chart = await _top(front_page, query) if whole else _chart(query, periods)
    elif query.by is ReportGrouping.TEAM and not whole:
        periods = await reports.periods_of_teams(query)
        chart = _chart(query, periods)
    else:
        found = [row async for row in reports.rows(query)]
        return ReportFigures(found[:rows], max(len(found) - rows, 0), _sums(found), _chart(query, found))
    first = await _first(reports, query, rows + 1)
    return ReportFigures(first[:rows], None if len(first) > rows else 0, _sums(periods), chart)


async def _first(reports: PostgresUsageReports, query: ReportQuery, rows: int) -> Sequence[UsageRow]:
    """The first rows of a report, and no more is read than they need."""
    first: list[UsageRow] = []
    async with aclosing(reports.rows(query)) as each_row:
        async for row in each_row:
            first.append(row)
            if len(first) >= rows:
                break
    return first


async def _top(front_page: FrontPage, query: ReportQuery) -> Sequence[Part]:
    top = await front_page.top_accounts(query.first_day, query.last_day, limit=CHARTED)
    return [(each.name or each.account_id, each.tokens) for each in top.accounts]


def _sums(rows: Sequence[UsageRow]) -> Sums:
    sums = Sums()
    for row in rows:
        sums.add(row)
    return sums


def _chart(query: ReportQuery, rows: Sequence[UsageRow]) -> Sequence[Part]:
    parts = Counter[str | dt.date]()
    whole = query.unit is ReportUnit.WHOLE
    for row in rows:
        parts[_named(row) if whole else row.period] += row.tokens
    return parts.most_common(CHARTED) if whole else sorted(parts.items(), key=lambda each: str(each[0]))


def _named(row: UsageRow) -> str:
    return row.name or row.account_id or row.team_id or row.model or row.plan_id or ""
