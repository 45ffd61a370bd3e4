"""Requests, alerts, plans, audit, ledger, settings and health in a browser: in every look, and their main flows."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryState
from solaris_hooks.ledger.postgres import PostgresLedger
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.people import BASIC, CAROLINA, HUGO
from tests.browser.serving import Site

PAGES = (
    "requests",
    "alerts",
    "alerts/events",
    "plans",
    f"plans/{BASIC}",
    "new-plan",
    "audit",
    "ledger",
    "settings",
    "health",
)


async def signed_in(page: Page, site: Site, path: str) -> None:
    """Sign in and open a page of the admin interface."""
    await page.goto(site.address(f"/admin/sign-in?next=/admin/{path}"))
    await page.locator("#key").fill("sk-admin")
    await page.locator("button.primary").click()
    await page.wait_for_url(site.address(f"/admin/{path}"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_everybody_can_use_these_pages(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await signed_in(page, site, "requests")
    for path in PAGES:
        await page.goto(site.address(f"/admin/{path}"))
        await expect(page.locator("html")).to_have_attribute("lang", look.language)
        await assert_accessible(page)
        await assert_fits(page)
        await keep(page, f"admin-{path.replace('/', '-')}-{look}")


@pytest.mark.parametrize("look", [Look(), Look("en", "dark", "phone")], ids=str)
async def test_a_request_is_approved_and_another_rejected(
    browse: Browse, site: Site, ledger: PostgresLedger, look: Look
) -> None:
    waiting = {each.account_id: each for each in await ledger.requests.waiting(limit=10)}
    request = waiting[CAROLINA if look.language == "pt-BR" else HUGO]
    page = await browse(look)
    await signed_in(page, site, "requests")
    await page.locator(f'a[href$="/requests/{request.request_id}"]').click()
    await page.wait_for_url(site.address(f"/admin/requests/{request.request_id}"))
    await assert_accessible(page)
    if look.language == "pt-BR":
        await page.get_by_label("Tokens a conceder").fill("100.000")
        await page.get_by_role("button", name="Aprovar e conceder").click()
        await expect(page.get_by_role("status")).to_contain_text("aprovado")
    else:
        await page.get_by_text("Reject", exact=True).first.click()
        await page.get_by_label("Why not").fill("it renews tomorrow")
        await page.get_by_role("button", name="Reject").click()
        await expect(page.get_by_role("status")).to_contain_text("rejected")
    await assert_accessible(page)
    decided = await ledger.requests.get(request.request_id)
    assert decided is not None
    assert decided.state is (RequestState.APPROVED if look.language == "pt-BR" else RequestState.REJECTED)


async def test_a_message_that_was_given_up_is_found_read_and_sent_again(
    browse: Browse, site: Site, ledger: PostgresLedger
) -> None:
    page = await browse(Look("en"))
    await signed_in(page, site, "alerts")
    await page.get_by_label("State").select_option("dead")  # the list follows without another click
    await page.wait_for_url("**state=dead**")
    await expect(page.locator("#list .badge.bad").first).to_be_visible()
    await expect(page.locator("#list .badge.good")).to_have_count(0)
    await page.locator("#list td a").first.click()
    await expect(page.locator("pre.letter")).not_to_be_empty()
    await assert_accessible(page)
    before = len(await ledger.deliveries.deliveries(DeliveryFilter(state=DeliveryState.DEAD), limit=1000))
    await page.get_by_label("Reason").fill("the mailbox is back")
    await page.get_by_role("button", name="Send again").click()
    await expect(page.get_by_role("status")).to_contain_text("sent again")
    after = len(await ledger.deliveries.deliveries(DeliveryFilter(state=DeliveryState.DEAD), limit=1000))
    assert after == before - 1


@pytest.mark.parametrize("look", [Look("pt-BR", "dark"), Look("en", "light", "phone")], ids=str)
async def test_a_plan_is_changed_after_a_look_at_whom_it_touches(
    browse: Browse, site: Site, ledger: PostgresLedger, look: Look
) -> None:
    tokens = "300.000" if look.language == "pt-BR" else "400,000"
    page = await browse(look)
    await signed_in(page, site, f"plans/{BASIC}")
    await page.locator('input[name="monthly_tokens"]').fill(tokens)
    await page.locator('button[value="preview"]').click()
    await expect(page.locator("ins").first).to_have_text(tokens)
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"admin-plan-preview-{look}")
    await page.locator('input[name="reason"]').fill("more for everybody")
    await page.locator('button[value="confirm"]').click()
    await page.wait_for_url("**done=plan_saved")
    plan = await ledger.plan(BASIC)
    assert plan is not None
    assert plan.monthly_tokens == int(tokens.replace(".", "").replace(",", ""))
    await page.goto(site.address("/admin/audit?action=plan.put"))
    await expect(page.locator(".change").first).to_contain_text("more for everybody")


async def test_the_books_are_verified_while_the_page_looks_on(browse: Browse, site: Site) -> None:
    page = await browse(Look("en"))
    await signed_in(page, site, "ledger")
    await page.get_by_role("button", name="Verify now").click()
    await expect(page.locator("#verifications .badge.good")).to_be_visible(timeout=60_000)
    await page.locator("#verifications td a").first.click()
    await expect(page.locator(".notice.good")).to_be_visible()
    await assert_accessible(page)


async def test_these_pages_need_no_script(browse: Browse, site: Site) -> None:
    page = await browse(Look("en"), java_script_enabled=False)
    await signed_in(page, site, "audit")
    await page.locator('select[name="action"]').select_option("account.create")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator(".change h2").first).to_have_text("Account made")
    for path in ("requests", "alerts", "plans", "ledger", "settings", "health"):
        await page.goto(site.address(f"/admin/{path}"))
        await expect(page.locator("h1")).to_be_visible()
