"""Exports over the API: files that are sent while they are read."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from collections.abc import AsyncIterator
from decimal import Decimal
from io import BytesIO, StringIO

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit, UsageRow
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.api import build_api
from solaris_hooks.web.dependencies import Reporting
from tests.unit.web.asking import ACCOUNTS, MARIA, VIEWER, FakeAuthenticator, error_of, make_account

EXPORTS = "/solaris/api/v1/exports"
USAGE = "/solaris/api/v1/reports/usage"


class Reports:
    """One row, whatever is asked; or nothing but an error."""

    currency = "USD"
    asked: ReportQuery | None = None
    away = False

    async def rows(self, query: ReportQuery) -> AsyncIterator[UsageRow]:
        if self.away:
            raise LedgerUnavailableError
        self.asked = query
        yield UsageRow(
            query.first_day,
            AccountId("user:maria"),
            "=Maria",
            None,
            "default",
            None,
            2,
            1,
            30,
            10,
            12,
            42,
            Decimal("0.5"),
        )


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def api(ledger: MemoryLedger, reports: Reports) -> FastAPI:
    return build_api(
        ledger,
        FakeAuthenticator(),
        reporting=Reporting(None, reports, "America/Sao_Paulo"),  # type: ignore[arg-type]  # no overview is asked for
    )


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(StringIO(answer.text, newline="")))


async def test_a_report_is_a_file_with_a_name(client: httpx.AsyncClient, reports: Reports) -> None:
    answer = await client.get(USAGE, params={"since": "2026-11-01", "until": "2026-11-28", "unit": "month"})
    assert reports.asked == ReportQuery(
        ReportGrouping.USER, dt.date(2026, 11, 1), dt.date(2026, 11, 28), ReportUnit.MONTH
    )
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="solaris-usage-by-user-2026-11-01-2026-11-28.csv"'
    )
    assert rows_of(answer) == [
        {
            "period": "2026-11-01",
            "account_id": "user:maria",
            "name": "'=Maria",
            "email": "",
            "plan": "default",
            "requests": "2",
            "estimated_requests": "1",
            "input_tokens": "30",
            "cached_input_tokens": "10",
            "output_tokens": "12",
            "tokens": "42",
            "cost_usd": "0.5",
        }
    ]


@pytest.mark.parametrize("by", ReportGrouping)
async def test_a_report_can_be_a_spreadsheet_or_json(client: httpx.AsyncClient, by: ReportGrouping) -> None:
    answer = await client.get(USAGE, params={"by": by.value, "format": "xlsx"})
    with zipfile.ZipFile(BytesIO(answer.content)) as book:
        assert book.testzip() is None
    answer = await client.get(USAGE, params={"by": by.value, "format": "json"})
    assert answer.json()["data"][0]["tokens"] == 42


async def test_books_that_are_away_are_an_error_and_no_broken_file(client: httpx.AsyncClient, reports: Reports) -> None:
    reports.away = True
    for kind in ("csv", "xlsx", "json"):
        error_of(await client.get(USAGE, params={"format": kind}), 503)


@pytest.mark.parametrize(
    ("name", "value"),
    [("by", "squad"), ("unit", "year"), ("format", "pdf"), ("since", "today"), ("time_zone", "Mars"), ("x", "1")],
)
async def test_what_no_report_knows_is_refused_by_name(client: httpx.AsyncClient, name: str, value: str) -> None:
    assert error_of(await client.get(USAGE, params={name: value}), 400)["param"] == name


async def test_accounts_are_exported_whole_and_by_conditions(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await make_account(client, f"user:{number}", name="+x")
    await make_account(client, "user:1", status="suspended", status_reason="late")
    rows = rows_of(await client.get(f"{EXPORTS}/accounts", params={"sort": "-id"}))
    assert [row["account_id"] for row in rows] == ["user:2", "user:1", "user:0"]
    assert {row["name"] for row in rows} == {"'+x"}
    (row,) = rows_of(await client.get(f"{EXPORTS}/accounts", params={"status": "suspended"}))
    assert (row["account_id"], row["status_reason"], row["remaining"]) == ("user:1", "late", "1000000")


async def test_all_entries_of_an_account_are_exported(client: httpx.AsyncClient) -> None:
    await make_account(client, "user:a%2Fb")
    for number in range(3):
        body = {"tokens": 5, "reason": "=r", "idempotency_key": f"k{number}"}
        await client.post(f"{ACCOUNTS}/user:a%2Fb/credits", json=body)
    answer = await client.get(f"{EXPORTS}/accounts/user:a%2Fb/entries")
    assert 'filename="solaris-entries-user-a-b.csv"' in answer.headers["content-disposition"]
    rows = rows_of(answer)
    assert [row["number"] for row in rows] == ["4", "3", "2", "1"]
    assert rows[0]["reason"] == "'=r"
    error_of(await client.get(f"{EXPORTS}/accounts/user:nobody/entries"), 404)


async def test_the_audit_trail_is_exported(client: httpx.AsyncClient) -> None:
    await make_account(client)
    await make_account(client, name="Maria")
    rows = rows_of(await client.get(f"{EXPORTS}/audit"))
    assert [row["action"] for row in rows] == ["account.change", "account.create"]
    assert rows[0]["after"] == '{"name": "Maria"}'
    assert rows_of(await client.get(f"{EXPORTS}/audit", params={"action": "plan.put"})) == []


@pytest.mark.parametrize("path", [USAGE, f"{EXPORTS}/accounts", f"{EXPORTS}/audit"])
async def test_exports_are_for_administrators_and_viewers_alone(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers=VIEWER)).status_code == 200
    error_of(await client.get(path, headers=MARIA), 403)
