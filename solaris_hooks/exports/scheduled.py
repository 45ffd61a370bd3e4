"""The table of a report that is mailed again and again."""

from __future__ import annotations

import datetime as dt

from solaris_hooks.exports.table import Table
from solaris_hooks.exports.tables import accounts_table, usage_table
from solaris_hooks.ledger.account_list import AccountFilter
from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.report_schedules import ScheduledReport
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit, UsageReports


def scheduled_table(
    books: Books, usage: UsageReports, report: ScheduledReport, first_day: dt.date, last_day: dt.date
) -> Table:
    """The table of a scheduled report.

    Args:
        books: the accounts.
        usage: reports on use.
        report: which one.
        first_day: as each account's zone has it; a list of accounts has no days.
        last_day: likewise; part of the report.
    """
    if report is ScheduledReport.ACCOUNTS:
        return accounts_table(books, AccountFilter())
    by = ReportGrouping(report.value)
    # Periods alone are told apart day by day: one row would be no report.
    unit = ReportUnit.DAY if by is ReportGrouping.PERIOD else ReportUnit.WHOLE
    return usage_table(usage, ReportQuery(by, first_day, last_day, unit))
