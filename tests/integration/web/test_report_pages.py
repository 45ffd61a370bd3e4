"""Reports for administrators: the books' own figures, files of them, and schedules."""

from __future__ import annotations

import csv
import datetime as dt
import html
import json
import re
from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from uuid import uuid4
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Settlement
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit, UsageRow
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.settings import Settings
from solaris_hooks.web.admin import report_figures, reports
from tests.integration.rolling_up import roll_up
from tests.integration.web.asking import ADMIN, send, signed_in

FORMULA = "=HYPERLINK(1)"
_ROW = re.compile(r"<tr>\s*(?P<cells>(?:<td.*?</td>\s*)+)</tr>", re.DOTALL)
_CELL = re.compile(r'<td data-label="(?P<name>[^"]*)"[^>]*>(?P<said>.*?)</td>', re.DOTALL)


@pytest.fixture
def settings(web_url: str) -> Settings:
    return Settings.model_validate(
        {
            "database_url": web_url,
            "default_locale": "en",
            "public_url": "http://proxy",
            "costs": {"gpt-*": {"input": "10", "output": "30"}},
            "alerts": {"admin_addresses": ["admin@example.org"]},
        }
    )


@pytest.fixture
async def used(books: PostgresLedger) -> AccountId:
    """An account of the test's own that used two models today; its name would be a formula."""
    account = AccountId(f"user:{uuid4().hex}")
    await books.put_account(account, AccountChange(name=FORMULA), actor="admin:seed")
    for model, tokens in (("gpt-4o", 1_200), ("claude", 34)):
        usage = Usage(tokens // 2, tokens - tokens // 2)
        await books.settle(Settlement(account, new_hold_id(), model, tokens, usage, UsageSource.PROVIDER))
    await roll_up(books)
    return account


@pytest.fixture(autouse=True)
async def no_schedules(books: PostgresLedger) -> AsyncIterator[None]:
    yield
    for each in await books.report_schedules.all():
        await books.report_schedules.remove(each.number, reason="the test is over", actor="test")


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def days() -> dict[str, str]:
    """Days that have today in each time zone."""
    return {
        "since": (today() - dt.timedelta(days=3)).isoformat(),
        "until": (today() + dt.timedelta(days=1)).isoformat(),
    }


def cells(page: str) -> list[dict[str, str]]:
    """The cells of a page's tables by name, as they are read."""
    return [
        {
            found["name"]: html.unescape(re.sub(r"<[^>]+>", "", found["said"])).strip()
            for found in _CELL.finditer(row[0])
        }
        for row in _ROW.finditer(page)
    ]


async def rows(books: PostgresLedger, settings: Settings, by: ReportGrouping, unit: ReportUnit) -> list[UsageRow]:
    first, last = (dt.date.fromisoformat(each) for each in days().values())
    return [row async for row in books.usage_reports(settings.cost_table).rows(ReportQuery(by, first, last, unit))]


@pytest.mark.parametrize("by", ReportGrouping)
@pytest.mark.parametrize("unit", [ReportUnit.WHOLE, ReportUnit.DAY])
@pytest.mark.usefixtures("used")
async def test_the_page_has_the_books_figures(
    admin: httpx.AsyncClient, books: PostgresLedger, settings: Settings, by: ReportGrouping, unit: ReportUnit
) -> None:
    page = (await admin.get(f"{ADMIN}/reports", params={"by": by.value, "unit": unit.value, **days()})).text
    expected = await rows(books, settings, by, unit)
    shown = [row for row in cells(page) if "Tokens" in row]
    assert [(row["Calls"], row["Input"], row["Output"], row["Tokens"]) for row in shown] == [
        (f"{row.requests:,}", f"{row.input_tokens:,}", f"{row.output_tokens:,}", f"{row.tokens:,}")
        for row in expected[: reports.SHOWN_ROWS]
    ]
    assert f'<p class="value">{sum(row.tokens for row in expected):,}</p>' in page
    charted = sum(int(each) for each in re.findall(r'data-value="(\d+)"', page))
    if by is ReportGrouping.USER and unit is ReportUnit.WHOLE:
        assert not charted, "who used most is not known for these days"
    elif unit is ReportUnit.DAY or len(expected) <= report_figures.CHARTED:
        assert charted == sum(row.tokens for row in expected)


async def test_who_used_most_is_charted_for_the_days_on_offer(
    admin: httpx.AsyncClient, books: PostgresLedger, used: AccountId
) -> None:
    heavy = Usage(10**9, 0)
    await books.settle(Settlement(used, new_hold_id(), "gpt-4o", 10**9, heavy, UsageSource.PROVIDER))
    for _ in range(2):
        await books.rollup.round(time_zone="America/Sao_Paulo")
    local = dt.datetime.now(ZoneInfo("America/Sao_Paulo")).date()
    asked = {"by": "user", "since": (local - dt.timedelta(days=29)).isoformat(), "until": local.isoformat()}
    page = (await admin.get(f"{ADMIN}/reports", params=asked)).text
    chart = page.split("<figure")[1].split("</figure>")[0]
    assert int(re.findall(r'data-value="(\d+)"', chart)[0]) >= 10**9


async def test_the_sums_of_a_long_report_by_user_are_over_all_of_it(
    admin: httpx.AsyncClient,
    books: PostgresLedger,
    settings: Settings,
    used: AccountId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = AccountId(f"user:{uuid4().hex}")
    await books.put_account(other, AccountChange(), actor="admin:seed")
    await books.settle(Settlement(other, new_hold_id(), "gpt-4o", 7, Usage(7, 0), UsageSource.PROVIDER))
    await roll_up(books)
    monkeypatch.setattr(reports, "SHOWN_ROWS", 1)
    page = (await admin.get(f"{ADMIN}/reports", params={"by": "user", **days()})).text
    expected = await rows(books, settings, ReportGrouping.USER, ReportUnit.WHOLE)
    assert {used, other} <= {row.account_id for row in expected}
    assert len([row for row in cells(page) if "Tokens" in row]) == 1
    assert f'<p class="value">{sum(row.tokens for row in expected):,}</p>' in page
    assert "The first 1 rows; a file has all of them" in page


async def test_an_accounts_row_is_its_daily_use_with_its_cost(
    admin: httpx.AsyncClient, books: PostgresLedger, used: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "SHOWN_ROWS", 10_000)
    page = (await admin.get(f"{ADMIN}/reports", params={"by": "user", **days()})).text
    daily = await books.daily_usage(used, since=today() - dt.timedelta(days=3), until=today() + dt.timedelta(days=1))
    (mine,) = [found["cells"] for found in _ROW.finditer(page) if str(used) in found["cells"].replace("%3A", ":")]
    said = {found["name"]: re.sub(r"<[^>]+>", "", found["said"]).strip() for found in _CELL.finditer(mine)}
    assert int(said["Tokens"].replace(",", "")) == sum(each.charge for each in daily) == 1_234
    assert said["User"] == FORMULA
    assert said["Estimated cost"] == "$0.02"  # 600 input at 10 and 600 output at 30 for a million: 0.024


async def test_a_long_report_says_how_much_of_it_is_shown(
    admin: httpx.AsyncClient, used: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert used
    assert reports.SHOWN_ROWS == 100
    monkeypatch.setattr(reports, "SHOWN_ROWS", 1)
    page = (await admin.get(f"{ADMIN}/reports", params={"by": "model", **days()})).text
    assert len([row for row in cells(page) if "Tokens" in row]) == 1
    assert "The first 1 of " in page


async def test_files_have_all_rows_and_no_formulas(
    admin: httpx.AsyncClient, books: PostgresLedger, settings: Settings, used: AccountId
) -> None:
    asked = {"by": "user", **days()}
    answer = await admin.get(f"{ADMIN}/reports/export", params={**asked, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    read = {row["account_id"]: row for row in csv.DictReader(StringIO(answer.text.lstrip("\ufeff")))}
    expected = await rows(books, settings, ReportGrouping.USER, ReportUnit.WHOLE)
    assert {name: int(row["tokens"]) for name, row in read.items()} == {row.account_id: row.tokens for row in expected}
    assert read[used]["name"] == f"'{FORMULA}"
    assert read[used]["cost_usd"] == "0.024000"
    document = (await admin.get(f"{ADMIN}/reports/export", params={**asked, "format": "json"})).text
    assert {row["account_id"] for row in json.loads(document)["data"]} == set(read)
    sheet = (await admin.get(f"{ADMIN}/reports/export", params={**asked, "format": "xlsx"})).content
    with ZipFile(BytesIO(sheet)) as book:
        cells_of_it = book.read("xl/worksheets/sheet1.xml").decode()
    assert FORMULA in cells_of_it
    assert "<f>" not in cells_of_it


async def test_other_files_are_accounts_entries_and_the_audit_trail(admin: httpx.AsyncClient, used: AccountId) -> None:
    for path, column in (("accounts", "account_id"), ("audit", "account_id"), ("entries", "kind")):
        answer = await admin.get(f"{ADMIN}/reports/{path}", params={"format": "csv", "account": str(used)})
        assert answer.status_code == 200, path
        read = [row[column] for row in csv.DictReader(StringIO(answer.text.lstrip("\ufeff")))]
        assert {"entries": "usage"}.get(path, str(used)) in read
    unknown = {"format": "csv", "account": "user:nobody-at-all"}
    assert (await admin.get(f"{ADMIN}/reports/entries", params=unknown)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"since": "2026-02-30"}, "Write a day that exists."),
        ({"until": "yesterday"}, "Write a day that exists."),
        ({"since": "0001-01-01"}, "Write a day that exists."),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "must not be after the last"),
        ({"since": "2024-01-01", "until": "2026-03-01"}, "too many days"),
        ({"by": "colour"}, "Choose one of those"),
        ({"unit": "hour"}, "Choose one of those"),
    ],
)
async def test_what_cannot_be_reported_is_told_beside_its_field(
    admin: httpx.AsyncClient, wrong: dict[str, str], said: str
) -> None:
    answer = await admin.get(f"{ADMIN}/reports", params=wrong)
    assert answer.status_code == 400
    assert said in answer.text
    assert (await admin.get(f"{ADMIN}/reports/export", params={**wrong, "format": "csv"})).status_code == 400


async def test_there_is_no_file_of_another_kind(admin: httpx.AsyncClient) -> None:
    for path in ("export", "accounts", "audit"):
        assert (await admin.get(f"{ADMIN}/reports/{path}", params={"format": "exe"})).status_code == 400


def schedule(**more: str) -> dict[str, str]:
    return {
        "report": "user",
        "when": "week-5",
        "format": "xlsx",
        "locale": "en",
        "recipients": "cfo@example.org; cto@example.org",
        "reason": "for the board",
        "key": uuid4().hex,
        **more,
    }


async def test_a_report_is_scheduled_once_and_removed_with_a_reason(
    admin: httpx.AsyncClient, books: PostgresLedger
) -> None:
    wanted = schedule()
    for _ in range(2):  # a double click
        answer = await send(admin, "/reports/schedules", **wanted)
        assert answer.headers["location"].endswith("/reports?done=scheduled")
    (added,) = await books.report_schedules.all()
    assert (added.rhythm.on, added.recipients) == (5, ("cfo@example.org", "cto@example.org"))
    page = (await admin.get(f"{ADMIN}/reports")).text
    assert "cfo@example.org, cto@example.org" in page
    assert "Every Friday" in page
    refused = await send(admin, f"/reports/schedules/{added.number}/remove", reason="")
    assert refused.status_code == 400
    assert "Fill this in." in refused.text
    answer = await send(admin, f"/reports/schedules/{added.number}/remove", reason="no longer")
    assert answer.headers["location"].endswith("/reports?done=unscheduled")
    assert list(await books.report_schedules.all()) == []
    removed, first = await books.trail.records(AuditFilter(), limit=2)
    assert [(each.action, each.reason) for each in (first, removed)] == [
        ("report_schedule.add", "for the board"),
        ("report_schedule.remove", "no longer"),
    ]
    for number in (added.number, "x", 10**30):
        assert (await send(admin, f"/reports/schedules/{number}/remove", reason="again")).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"recipients": "nobody"}, "is no e-mail address"),
        ({"recipients": "a@example.org," * 200}, "too long"),
        ({"when": "month-31"}, "Choose one of those"),
        ({"report": "secrets"}, "Choose one of those"),
        ({"reason": ""}, "Fill this in."),
    ],
)
async def test_a_schedule_that_cannot_be_is_shown_again(
    admin: httpx.AsyncClient, books: PostgresLedger, wrong: dict[str, str], said: str
) -> None:
    answer = await send(admin, "/reports/schedules", **schedule(**wrong))
    assert answer.status_code == 400
    assert said in answer.text
    assert list(await books.report_schedules.all()) == []


@pytest.mark.parametrize("key", ["sk-operator", "sk-auditor"])
async def test_whoever_may_only_read_schedules_nothing(host: FastAPI, books: PostgresLedger, key: str) -> None:
    transport = httpx.ASGITransport(app=host)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        reader = await signed_in(client, key)
        page = (await reader.get(f"{ADMIN}/reports")).text
        assert "Schedule a report" not in page
        assert (await reader.get(f"{ADMIN}/reports/export", params={"format": "csv"})).status_code == 200
        assert (await send(reader, "/reports/schedules", **schedule())).status_code == 403
    assert list(await books.report_schedules.all()) == []


async def test_nobody_reads_reports_without_a_session(browser: httpx.AsyncClient) -> None:
    for path in ("reports", "reports/export?format=csv", "reports/accounts?format=csv", "reports/audit?format=csv"):
        answer = await browser.get(f"{ADMIN}/{path}")
        assert answer.status_code in {303, 401}, path


async def test_programs_schedule_reports_too(browser: httpx.AsyncClient, books: PostgresLedger) -> None:
    api = "/solaris/api/v1/report_schedules"
    headers = {"Authorization": "Bearer sk-admin"}
    body = {"report": "plan", "every": "month", "on": 1, "reason": "costs", "idempotency_key": uuid4().hex}
    added = await browser.post(api, json=body, headers=headers)
    assert added.status_code == 200, added.text
    assert (added.json()["format"], added.json()["recipients"], added.json()["locale"]) == ("xlsx", [], "pt_BR")
    assert (await browser.post(api, json=body, headers=headers)).json() == added.json()
    assert (await browser.get(api, headers=headers)).json()["data"] == [added.json()]
    assert (await browser.post(api, json={**body, "on": 2}, headers=headers)).status_code == 409
    for wrong in ({"every": "week", "on": 8}, {"recipients": ["x"]}, {"on": 29}, {"report": "x"}, {"recipients": None}):
        answer = await browser.post(api, json={**body, "idempotency_key": uuid4().hex, **wrong}, headers=headers)
        assert answer.status_code in {400, 422}, (wrong, answer.text)
    one = f"{api}/{added.json()['number']}"
    assert (await browser.delete(one, headers=headers)).status_code in {400, 422}
    auditor = {"Authorization": "Bearer sk-auditor"}
    assert (await browser.get(api, headers=auditor)).status_code == 200
    assert (await browser.delete(one, params={"reason": "over"}, headers=auditor)).status_code == 403
    assert (await browser.delete(one, params={"reason": "over"}, headers=headers)).json() == added.json()
    assert (await browser.delete(one, params={"reason": "over"}, headers=headers)).status_code == 404
    assert list(await books.report_schedules.all()) == []
