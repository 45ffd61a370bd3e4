"""A page of a report reads what it shows: not a row for each of a hundred thousand accounts."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import cast

from solaris_hooks.ledger.front_page import FrontPage
from solaris_hooks.ledger.totals import TopAccount, TopAccounts
from solaris_hooks.ledger.usage_reports import (
    PostgresUsageReports,
    ReportGrouping,
    ReportQuery,
    ReportUnit,
    UsageRow,
)
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.admin.report_figures import figures_of

DAY = dt.date(2026, 11, 1)
QUERY = ReportQuery(ReportGrouping.USER, DAY, DAY + dt.timedelta(days=1))
ROW = UsageRow(DAY, AccountId("user:ana"), "Ana", None, "default", None, 1, 0, 2, 0, 3, 5, None)


class EndlessReports:
    """A report by user never ends; one by period has two days."""

    async def rows(self, query: ReportQuery) -> AsyncGenerator[UsageRow, None]:
        if query.by is ReportGrouping.PERIOD:
            for days in range(2 if query.unit is ReportUnit.DAY else 1):
                yield replace(ROW, period=DAY + dt.timedelta(days=days), tokens=100)
            return
        for number in itertools.count():
            yield replace(ROW, account_id=AccountId(f"user:{number}"))


class Top:
    """Who used most."""

    async def top_accounts(self, first_day: dt.date, last_day: dt.date, *, limit: int = 10) -> TopAccounts:
        assert (first_day, last_day, limit) == (DAY, DAY + dt.timedelta(days=1), 10)
        ana = TopAccount(AccountId("user:ana"), "Ana", None, "default", 1, 70)
        return TopAccounts(dt.datetime.now(dt.UTC), [ana, replace(ana, account_id=AccountId("user:b"), name=None)])


async def test_a_report_by_user_ends_with_the_rows_that_are_shown() -> None:
    found = await figures_of(cast("PostgresUsageReports", EndlessReports()), cast("FrontPage", Top()), QUERY, rows=100)
    assert len(found.rows) == 100
    assert found.more is None, "nobody has counted them"
    assert found.sums.tokens == 100, "of the totals over all accounts"
    assert found.chart == [("Ana", 70), ("user:b", 70)]


async def test_periods_of_a_report_by_user_are_those_of_all_accounts() -> None:
    query = replace(QUERY, unit=ReportUnit.DAY)
    found = await figures_of(cast("PostgresUsageReports", EndlessReports()), cast("FrontPage", Top()), query, rows=1)
    assert found.chart == [(DAY, 100), (DAY + dt.timedelta(days=1), 100)]
    assert found.sums.tokens == 200
