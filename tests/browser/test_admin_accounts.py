"""Accounts in a browser: found, granted credits, suspended, and many of them at once, in every look."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.people import ANA, BRUNO, CAROLINA, EVA, GRACE
from tests.browser.serving import Site


async def signed_in(page: Page, site: Site, path: str = "/admin/accounts") -> None:
    """Sign in as a super-administrator, and go somewhere."""
    await page.goto(site.address("/admin/sign-in"))
    await page.locator("#key").fill("sk-admin")
    await page.locator("form button.primary").click()
    await page.wait_for_url(site.address("/admin"))
    await page.goto(site.address(path))


async def credits_of(ledger: PostgresLedger, account: AccountId) -> int:
    found = await ledger.account(account)
    assert found is not None
    return found.balance.credits_remaining


async def checked(page: Page, name: str) -> None:
    """Everybody can read the page, and there is a picture of it."""
    await keep(page, name)
    await assert_accessible(page)
    await assert_fits(page)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_everybody_can_work_with_accounts(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await signed_in(page, site)
    await expect(page.locator("html")).to_have_attribute("lang", look.language)
    await checked(page, f"accounts-{look}")
    await page.goto(site.address(f"/admin/accounts/{ANA}"))
    await checked(page, f"account-{look}")
    await page.goto(site.address("/admin/accounts?sort=-use_percent"))
    for box in (await page.locator('input[name="account"]').all())[:3]:
        await box.check()
    await page.locator('button[name="kind"][value="message"]').click()
    await page.locator("#f-text").fill("Hello\nfrom us")
    await checked(page, f"bulk-{look}")
    await page.locator("button.primary").click()
    await expect(page.locator("#f-reason")).to_be_visible()
    await checked(page, f"bulk-preview-{look}")


async def test_a_blocked_user_gets_half_a_million_tokens_in_four_clicks(
    browse: Browse, site: Site, ledger: PostgresLedger
) -> None:
    """The main flow: search, open, unfold, grant."""
    before = await credits_of(ledger, CAROLINA)
    page = await browse(Look("en"))
    await signed_in(page, site, "/admin")
    await page.get_by_role("link", name="Accounts", exact=True).click()  # 1
    await page.get_by_label("Search").press_sequentially("carolina d", delay=5)
    await page.get_by_role("link", name="Carolina Dias").click()  # 2
    await page.get_by_role("link", name="Grant credits").click()  # 3: the form opens, ready to be typed into
    await expect(page.locator("#credits-tokens")).to_be_focused()
    await page.keyboard.type("500,000")
    await page.locator("#credits-reason").fill("Invoice 4711")
    await page.locator("form[action$='/credits'] button").click()  # 4
    await expect(page.get_by_role("status")).to_have_text("The credits were granted.")
    assert await credits_of(ledger, CAROLINA) - before >= 500_000 - 1_000
    await checked(page, "account-granted")


async def test_a_list_is_searched_as_one_types_and_kept_in_the_address(browse: Browse, site: Site) -> None:
    page = await browse()
    await signed_in(page, site)
    await page.get_by_label("Buscar").press_sequentially("Grace", delay=5)
    await expect(page.locator("table.accounts tbody tr")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/accounts\?q=Grace$"))
    await page.reload()
    await expect(page.locator("table.accounts tbody tr")).to_have_count(1)
    await expect(page.get_by_role("link", name="Grace Hopper")).to_be_visible()
    await page.get_by_label("Buscar").fill("")
    await page.get_by_label("Uso", exact=True).select_option("exhausted")
    await expect(page).to_have_url(re.compile(r"/accounts\?state=exhausted$"))
    await page.get_by_role("link", name="Usado", exact=True).click()
    await expect(page.locator("th[aria-sort=descending]")).to_have_text("Usado")
    await expect(page).to_have_url(re.compile("state=exhausted&sort=-use_percent"))


async def test_somebody_is_suspended_and_comes_back(browse: Browse, site: Site, ledger: PostgresLedger) -> None:
    page = await browse(Look("en", "dark", "phone"))
    await signed_in(page, site, f"/admin/accounts/{GRACE}")
    for status in (Status.SUSPENDED, Status.ACTIVE):
        await page.locator("summary", has_text=re.compile("uspend or|eactivate or")).click()
        await page.locator("#status-reason").fill("because")
        await page.get_by_role("button", name="Set the status").click()
        await expect(page.get_by_role("status")).to_have_text("Saved.")
        found = await ledger.account(GRACE)
        assert found is not None
        assert found.balance.status is status
    await page.get_by_role("link", name="Undo").first.click()
    await page.get_by_label("Reason").fill("not yet")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("status")).to_have_text("The change was undone.")
    found = await ledger.account(GRACE)
    assert found is not None
    assert found.balance.status is Status.SUSPENDED


async def test_many_get_credits_at_once(browse: Browse, site: Site, ledger: PostgresLedger) -> None:
    people = (BRUNO, EVA)
    before = [await credits_of(ledger, each) for each in people]
    page = await browse()
    await signed_in(page, site)
    for each in people:
        await page.locator(f'input[name="account"][value="{each}"]').check()
    await page.get_by_role("button", name="Conceder créditos").click()
    await page.get_by_label("Tokens para cada uma").fill("50.000")
    await page.get_by_role("button", name="Ver o que aconteceria").click()
    await expect(page.locator("[data-figure=tokens]")).to_have_text("100.000")
    assert [await credits_of(ledger, each) for each in people] == before
    await page.get_by_label("Motivo").fill("falha de 17 de novembro")
    await page.get_by_role("button", name="Conceder créditos: 2 contas").dblclick()
    await expect(page.get_by_role("status")).to_have_text("Tudo concluído.")
    assert [await credits_of(ledger, each) for each in people] == [each + 50_000 for each in before]
    await checked(page, "batch")
    await page.get_by_role("link", name="Ações em massa anteriores").click()
    await checked(page, "batches")


async def test_a_box_ticks_all_of_the_page(browse: Browse, site: Site) -> None:
    page = await browse(Look("en"))
    await signed_in(page, site, "/admin/accounts?q=an")
    boxes = page.locator('input[name="account"]')
    await page.get_by_label("Tick all of this page").check()
    assert all([await box.is_checked() for box in await boxes.all()])


async def test_two_accounts_are_merged_after_a_look(browse: Browse, site: Site) -> None:
    page = await browse(Look("en", screen="phone"))
    await signed_in(page, site, f"/admin/accounts/{EVA}")
    await page.locator("summary", has_text="Erase personal data").click()
    await page.locator("summary", has_text="Merge into another account").click()
    await checked(page, "account-endings")
    await page.locator("#merge-into").fill(BRUNO)
    await page.get_by_role("button", name="See what would happen").click()
    await checked(page, "merge")


async def test_lists_and_bulk_actions_need_no_script(browse: Browse, site: Site, ledger: PostgresLedger) -> None:
    page = await browse(Look("en"), java_script_enabled=False)
    await signed_in(page, site)
    await page.get_by_label("Search").fill("Grace")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("table.accounts tbody tr")).to_have_count(1)
    await page.locator('input[name="account"]').check()
    before = await credits_of(ledger, GRACE)
    await page.get_by_role("button", name="Grant credits").click()
    await page.get_by_label("Tokens for each").fill("10")
    await page.get_by_role("button", name="See what would happen").click()
    await page.get_by_label("Reason").fill("a present")
    await page.get_by_role("button", name="Grant credits: 1 account").click()
    await expect(page.get_by_role("status")).to_have_text("Everything is done.")
    assert await credits_of(ledger, GRACE) == before + 10
