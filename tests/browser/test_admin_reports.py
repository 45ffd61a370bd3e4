"""Reports in a browser: chosen, looked at, taken away as a file, and scheduled."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from solaris_hooks.ledger.postgres import PostgresLedger
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.people import ANA
from tests.browser.serving import Site
from tests.browser.test_sections import signed_in
from tests.integration.rolling_up import roll_up

WORDS = {
    "pt-BR": {
        "by": "Por",
        "schedule": "Agendar um relatório",
        "reason": "Motivo",
        "to": "Para",
        "add": "Agendar",
        "done": "O relatório foi agendado.",
        "remove": "Remover",
        "gone": "O relatório não será mais enviado.",
        "none": "Nenhum relatório está agendado.",
    },
    "en": {
        "by": "By",
        "schedule": "Schedule a report",
        "reason": "Reason",
        "to": "To",
        "add": "Schedule",
        "done": "The report is scheduled.",
        "remove": "Remove",
        "gone": "The report is mailed no longer.",
        "none": "No report is scheduled.",
    },
}


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def rolled_up(ledger: PostgresLedger) -> None:
    """Totals over all accounts, which the proxy's upkeep makes every few seconds."""
    await roll_up(ledger)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_everybody_can_read_reports(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await signed_in(page, site, "reports")
    for path in ("reports", "reports?by=model&unit=day"):
        await page.goto(site.address(f"/admin/{path}"))
        await expect(page.locator("html")).to_have_attribute("lang", look.language)
        await expect(page.locator("#report .canvas canvas")).to_be_visible()
        await assert_accessible(page)
        await assert_fits(page)
        await keep(page, f"admin-{path.replace('?', '-').replace('&', '-')}-{look}")


async def test_another_grouping_is_shown_and_taken_away_as_a_file(browse: Browse, site: Site, tmp_path: Path) -> None:
    page = await browse(Look("en"))
    await signed_in(page, site, "reports")
    await page.get_by_label("By", exact=True).select_option("user")
    await page.get_by_role("link", name="This year").click()
    await page.wait_for_url("**since=*-01-01**")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Download as CSV").click()
    file = tmp_path / "report.csv"
    await (await waiting.value).save_as(file)
    read = {row["account_id"]: int(row["tokens"]) for row in csv.DictReader(file.open(encoding="utf-8-sig"))}
    shown = page.locator("table.stack tr", has=page.locator(f'a[href$="{ANA.replace(":", "%3A")}"]'))
    await expect(shown.locator('[data-label="Tokens"]')).to_have_text(f"{read[ANA]:,}")
    await page.get_by_label("By", exact=True).select_option("model")
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url("**by=model**")
    await expect(page.locator("#report h2#rows")).to_contain_text("Model")
    await expect(page.locator("#report .canvas canvas")).to_be_visible()
    await assert_accessible(page)


@pytest.mark.parametrize("look", [Look(), Look("en", "dark", "phone")], ids=str)
async def test_a_report_is_scheduled_and_removed(
    browse: Browse, site: Site, ledger: PostgresLedger, look: Look
) -> None:
    words = WORDS[look.language]
    page = await browse(look)
    await signed_in(page, site, "reports")
    await page.get_by_text(words["schedule"], exact=True).click()
    await page.get_by_label(words["to"], exact=True).fill("cfo@example.org")
    await page.locator("#add-reason").fill("for the board")
    await assert_accessible(page)
    await page.get_by_role("button", name=words["add"], exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(words["done"])
    (added,) = await ledger.report_schedules.all()
    assert added.recipients == ("cfo@example.org",)
    await page.locator("summary", has_text=words["remove"]).click()
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"admin-reports-scheduled-{look}")
    await page.get_by_label(words["reason"], exact=True).first.fill("no longer")
    await page.get_by_role("button", name=words["remove"], exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(words["gone"])
    await expect(page.get_by_text(words["none"])).to_be_visible()
    assert list(await ledger.report_schedules.all()) == []
