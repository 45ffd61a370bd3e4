"""Tables to take away, for administrators: CSV, XLSX or JSON, of any length."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from solaris_hooks.exports.tables import accounts_table, audit_table, entries_table, usage_table
from solaris_hooks.ledger.usage_reports import ReportQuery
from solaris_hooks.web.dependencies import Reader, TheAccountId, TheBooks, TheReporting, existing
from solaris_hooks.web.description import NOT_FOUND, Responses
from solaris_hooks.web.downloads import download
from solaris_hooks.web.report_queries import AccountsExportQuery, AuditExportQuery, FileQuery, UsageReportQuery
from solaris_hooks.web.routes.overview import days_of


class TableAnswer(BaseModel):
    """A table as JSON."""

    model_config = ConfigDict(frozen=True)

    data: list[dict[str, str | int | None]] = Field(description="Rows: values by name of column.")


_SPREADSHEET = {"schema": {"type": "string", "format": "binary"}}
_FILE: Responses = {
    200: {
        "model": TableAnswer,
        "description": "The file, as what `format` asks for.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _SPREADSHEET,
        },
    }
}

router = APIRouter(prefix="/api/v1/exports", tags=["exports"], default_response_class=StreamingResponse)
usage_router = APIRouter(prefix="/api/v1/reports", tags=["exports"], default_response_class=StreamingResponse)


@usage_router.get("/usage", summary="Report use by user, model, plan or period", responses=_FILE)
async def report_usage(
    _: Reader, reporting: TheReporting, query: Annotated[UsageReportQuery, Query()]
) -> StreamingResponse:
    """What was used on some local days, both ends included; of this month where none are named."""
    first, last = days_of(query, query.zone(reporting.time_zone))
    table = usage_table(reporting.usage, ReportQuery(query.by, first, last, query.unit))
    return await download(table, query.format, bom=query.bom)


@router.get("/accounts", summary="Export accounts", responses=_FILE)
async def export_accounts(
    _: Reader, books: TheBooks, query: Annotated[AccountsExportQuery, Query()]
) -> StreamingResponse:
    """All accounts that meet the conditions."""
    table = accounts_table(books, query.wanted, sort=query.sort.sort, descending=query.sort.descending)
    return await download(table, query.format, bom=query.bom)


@router.get("/accounts/{account}/entries", summary="Export the ledger of an account", responses={**_FILE, **NOT_FOUND})
async def export_entries(
    _: Reader, books: TheBooks, account: TheAccountId, query: Annotated[FileQuery, Query()]
) -> StreamingResponse:
    """All entries, newest first."""
    known = await existing(books, account)
    return await download(entries_table(books, known.balance.account_id), query.format, bom=query.bom)


@router.get("/audit", summary="Export the audit trail", responses=_FILE)
async def export_audit(_: Reader, books: TheBooks, query: Annotated[AuditExportQuery, Query()]) -> StreamingResponse:
    """All changes that meet the conditions, newest first."""
    return await download(audit_table(books, query.wanted), query.format, bom=query.bom)
