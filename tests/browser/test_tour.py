"""A tour of the admin interface: every section once, as `docs/explanation/admin-tour.md` shows it.

`make screenshots` runs this file alone and keeps the pictures for the documentation.
"""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.refusal_book import RefusalFilter
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import Look
from tests.browser.people import ANA, CAROLINA
from tests.browser.serving import Site

SECTIONS = {
    "": "overview",
    "/accounts": "accounts",
    "/requests": "requests",
    "/refusals": "refusals",
    "/alerts": "alerts",
    "/plans": "plans",
    "/reports": "reports",
    "/audit": "audit",
    "/ledger": "ledger",
    "/settings": "settings",
    "/health": "health",
}


async def sign_in(page: Page, site: Site) -> None:
    await page.goto(site.address("/admin/sign-in"))
    await page.locator("#key").fill("sk-admin")
    await page.locator("#key").press("Enter")
    await page.wait_for_url(site.address("/admin"))


@pytest.mark.parametrize("look", [Look("en"), Look("pt-BR", "dark"), Look("pt-BR", "light", "phone")], ids=str)
async def test_every_section_is_in_the_menu_and_opens(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await page.goto(site.address("/admin/sign-in"))
    await assert_accessible(page)
    await keep(page, f"tour-sign-in-{look}")
    await sign_in(page, site)
    for path, name in SECTIONS.items():
        await page.goto(site.address(f"/admin{path}"))
        current = page.locator('nav a[aria-current="page"]').first
        await expect(current).to_have_attribute("href", f"/solaris/admin{path}")
        await expect(page.locator("h1")).not_to_be_empty()
        await assert_accessible(page)
        await assert_fits(page)
        await keep(page, f"tour-{name}-{look}")


@pytest.mark.parametrize("look", [Look("en"), Look("pt-BR", "dark", "phone")], ids=str)
async def test_an_account_and_a_refusal_are_explained(
    browse: Browse, site: Site, ledger: PostgresLedger, look: Look
) -> None:
    page = await browse(look)
    await sign_in(page, site)
    await page.goto(site.address(f"/admin/accounts/{ANA.replace(':', '%3A')}"))
    await expect(page.locator("figure.drawn canvas")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"tour-account-{look}")
    (refused, *_) = await ledger.refusals.find(RefusalFilter(account_id=CAROLINA))
    await page.goto(site.address(f"/admin/refusals/{refused.refusal_id}"))
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"tour-refusal-{look}")


async def test_without_scripts_charts_are_tables(browse: Browse, site: Site) -> None:
    page = await browse(java_script_enabled=False)
    await sign_in(page, site)
    await expect(page.locator("figure.chart table").first).to_be_visible()
    await expect(page.locator("figure.chart canvas")).to_have_count(0)


async def test_the_overview_asks_again_for_its_figures_alone(browse: Browse, site: Site) -> None:
    page = await browse()
    await sign_in(page, site)
    async with page.expect_response(site.address("/admin/live")) as answered:
        pass
    assert (await answered.value).ok
    await expect(page.locator("#figures .figure").first).to_be_visible()
