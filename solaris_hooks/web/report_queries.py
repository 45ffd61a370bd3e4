"""What is to be exported, and as what."""

from __future__ import annotations

from pydantic import Field

from solaris_hooks.exports.table import FileFormat
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportUnit
from solaris_hooks.web.account_queries import AccountConditions, AccountOrder
from solaris_hooks.web.bodies import AuditQuery, _Query
from solaris_hooks.web.overview_answers import DaysQuery

_FORMAT = Field(FileFormat.CSV, description="`csv`, `xlsx` or `json`.")
_BOM = Field(default=False, description="Begin CSV with a byte order mark, by which Excel knows UTF-8.")


class FileQuery(_Query):
    """As what a table is sent."""

    format: FileFormat = _FORMAT
    bom: bool = _BOM


class UsageReportQuery(DaysQuery):
    """A report on use."""

    by: ReportGrouping = Field(ReportGrouping.USER, description="What there are rows for, beside periods.")
    unit: ReportUnit = Field(ReportUnit.WHOLE, description="Its periods; `whole` is one.")
    format: FileFormat = _FORMAT
    bom: bool = _BOM


class AccountsExportQuery(AccountConditions):
    """Accounts to export."""

    sort: AccountOrder = Field(AccountOrder.ID, description="Their order; a minus in front turns it round.")
    format: FileFormat = _FORMAT
    bom: bool = _BOM


class AuditExportQuery(AuditQuery):
    """Changes to export; `limit` says nothing here."""

    format: FileFormat = _FORMAT
    bom: bool = _BOM
