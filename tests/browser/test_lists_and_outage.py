"""Lists that are kept, periods that are reset together, and health while the database is away, in every look."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from deploy.local.ports import LOOPBACK
from solaris_hooks.ledger.postgres import PostgresLedger
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.people import BRUNO, GRACE
from tests.browser.serving import Site, serve
from tests.browser.watch import Watch

WORDS = {
    "en": {"keep": "Keep this list", "away": "The database cannot be reached."},
    "pt-BR": {"keep": "Guardar esta lista", "away": "O banco de dados não pode ser alcançado."},
}


async def signed_in(page: Page, site: Site, path: str) -> None:
    """Sign in as a super-administrator, and go somewhere."""
    await page.goto(site.address("/admin/sign-in"))
    await page.locator("#key").fill("sk-admin")
    await page.locator("form button.primary").click()
    await page.wait_for_url(site.address("/admin"))
    await page.goto(site.address(path))


async def checked(page: Page, name: str) -> None:
    """Everybody can read the page, and there is a picture of it."""
    await keep(page, name)
    await assert_accessible(page)
    await assert_fits(page)


@pytest.fixture(scope="module")
def lonely_site() -> Iterator[Site]:
    """The pages over a database that is not there: its port is taken, and nobody listens."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        with serve(f"postgresql://solaris@{LOOPBACK}:{bound.getsockname()[1]}/books") as running:
            yield running


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_list_is_kept_and_deleted(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await signed_in(page, site, "/admin/accounts?state=critical&sort=-used")
    await page.get_by_text(WORDS[look.language]["keep"]).click()
    await page.locator("#list-name").fill(f"Big spenders {look}")
    await page.locator("details.saved input[name=shared]").check()
    await page.locator("details.saved button.primary").click()
    tab = page.locator("nav.tabs a[aria-current=page]")
    await expect(tab).to_contain_text(f"Big spenders {look}")
    await page.get_by_text(WORDS[look.language]["keep"]).click()
    await checked(page, f"saved-lists-{look}")
    await page.locator("details.saved li", has_text=f"Big spenders {look}").get_by_role("button").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await expect(page.get_by_text(f"Big spenders {look}")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_what_a_reset_would_change_is_seen_by_name(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await signed_in(page, site, "/admin/accounts?sort=-use_percent")
    for box in (await page.locator('input[name="account"]').all())[:4]:
        await box.check()
    await page.locator('button[name="kind"][value="reset"]').click()
    await page.locator("button.primary").click()
    await expect(page.locator("#f-confirmed")).to_be_visible()
    await checked(page, f"bulk-reset-{look}")


async def test_periods_of_several_are_reset(browse: Browse, site: Site, ledger: PostgresLedger) -> None:
    page = await browse(Look("en"))
    await signed_in(page, site, "/admin/accounts")
    for each in (BRUNO, GRACE):
        await page.locator(f'input[name="account"][value="{each}"]').check()
    await page.locator('button[name="kind"][value="reset"]').click()
    await page.locator("button.primary").click()
    await expect(page.get_by_role("link", name="Grace Hopper")).to_be_visible()
    await page.locator("#f-reason").fill("our failure")
    await page.locator("#f-confirmed").fill("2")
    await page.locator("form.confirm button.danger").click()
    await expect(page.get_by_role("status").first).to_be_visible()
    for each in (BRUNO, GRACE):
        account = await ledger.account(each)
        assert account is not None
        assert account.balance.used == 0


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_health_is_seen_while_the_database_is_away(
    browse: Browse, watch: Watch, lonely_site: Site, look: Look
) -> None:
    watch.expect(503)
    page = await browse(look)
    await page.goto(lonely_site.address("/admin/sign-in"))
    await page.locator("#key").fill("sk-admin")
    await page.locator("form button.primary").click()
    await expect(page.get_by_role("alert")).to_have_text(WORDS[look.language]["away"])
    await checked(page, f"away-{look}")
    await page.locator("a.button").click()
    await expect(page.locator("#key")).to_be_visible()
    await checked(page, f"health-key-{look}")
    await page.locator("#key").fill("sk-admin")
    await page.locator("form button.primary").click()
    await expect(page.locator("table.signs").first).to_be_visible()
    await checked(page, f"health-away-{look}")
