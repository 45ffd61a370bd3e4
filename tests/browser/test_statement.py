"""A user's statement in a browser: through the link of the chat, in every look."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from solaris_hooks.quota.ids import AccountId
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.people import ANA, CAROLINA, DANIEL, GRACE, HUGO, IARA, VISITOR
from tests.browser.serving import Site
from tests.browser.watch import Watch


async def opened(page: Page, site: Site, account: AccountId) -> None:
    """Follow a link of the chat to where it leads."""
    await page.goto(site.link_of(account))
    await page.wait_for_url(site.address("/me"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_everybody_can_read_a_statement(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await opened(page, site, GRACE if look.language == "en" else ANA)
    await expect(page.locator("html")).to_have_attribute("lang", look.language)
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"statement-{look}")


@pytest.mark.parametrize("account", [CAROLINA, DANIEL, HUGO, VISITOR])
async def test_so_can_those_whose_account_is_exhausted_suspended_in_debt_or_new(
    browse: Browse, site: Site, account: AccountId
) -> None:
    page = await browse(Look(colours="dark", screen="phone"))
    await opened(page, site, account)
    await assert_accessible(page)
    await assert_fits(page)


async def test_the_statement_says_what_the_books_say(browse: Browse, site: Site) -> None:
    page = await browse()
    await opened(page, site, ANA)
    await expect(page.get_by_text("Restam 192.000 de 1.200.000 tokens")).to_be_visible()
    await expect(page.get_by_role("progressbar").first).to_have_attribute("value", "84")


async def test_a_name_with_markup_is_text(browse: Browse, site: Site) -> None:
    page = await browse()
    await opened(page, site, IARA)
    await expect(page.locator(".who")).to_have_text("Iara <script>alert(1)</script> & Filhos")


async def test_leaving_closes_the_statement_and_a_link_opens_once(browse: Browse, site: Site, watch: Watch) -> None:
    page = await browse()
    link = site.link_of(ANA)
    await page.goto(link)
    await page.wait_for_url(site.address("/me"))
    watch.expect(401, 403)
    await page.get_by_role("button", name="Sair").click()
    await expect(page.get_by_role("button")).to_have_count(0)
    await assert_accessible(page)
    again = await page.goto(link)
    assert again is not None
    assert again.status == 403
    await assert_accessible(page)


async def test_a_statement_needs_no_script(browse: Browse, site: Site) -> None:
    page = await browse(java_script_enabled=False)
    await opened(page, site, ANA)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
