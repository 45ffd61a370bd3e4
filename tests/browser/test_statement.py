"""A user's statement in a browser: through the link of the chat, in every look."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.ids import AccountId
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.people import ANA, BRUNO, CAROLINA, DANIEL, GRACE, HUGO, IARA, VISITOR
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
    await page.wait_for_url(site.address("/me/sign-in?out=1"))
    await expect(page.get_by_text("Você saiu.")).to_be_visible()
    await assert_accessible(page)
    again = await page.goto(link)
    assert again is not None
    assert again.status == 403
    await expect(page.get_by_role("alert")).to_contain_text("já foi usado")
    await assert_accessible(page)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_key_opens_the_statement_too(browse: Browse, site: Site, watch: Watch, look: Look) -> None:
    english = look.language == "en"
    page = await browse(look)
    await page.goto(site.address("/me/sign-in"))
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"statement-sign-in-{look}")
    watch.expect(403)
    key = page.get_by_label("Your virtual key" if english else "Sua chave virtual")
    await key.fill("sk-guess")
    await key.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await assert_accessible(page)
    await key.fill("sk-user-grace.hopper" if english else "sk-user-ana.souza")
    await page.get_by_role("button", name="Sign in" if english else "Entrar").click()
    await page.wait_for_url(site.address("/me"))
    await expect(page.locator(".who")).to_have_text("Grace Hopper" if english else "Ana Souza")


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_credits_are_asked_for_and_the_request_is_withdrawn(
    browse: Browse, site: Site, ledger: PostgresLedger, look: Look
) -> None:
    english = look.language == "en"
    account = GRACE if english else ANA
    page = await browse(look)
    await opened(page, site, account)
    await page.locator("#ask > summary").click()
    await page.get_by_label("Grande").check()
    await page.locator("#field-reason").fill(f"{look}")
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"statement-asking-{look}")
    await page.get_by_role("button", name="Send the request" if english else "Enviar o pedido").click()
    await expect(page.get_by_role("status")).to_contain_text("sent" if english else "enviado")
    asked = (await ledger.requests.find(account_id=account, limit=1))[0]
    assert (asked.reason, asked.package, asked.state) == (str(look), "Grande", RequestState.REQUESTED)
    await assert_accessible(page)
    await page.get_by_role("button", name="Withdraw" if english else "Retirar").first.click()
    await expect(page.get_by_role("status")).to_contain_text("withdrawn" if english else "retirado")
    assert (await ledger.requests.find(account_id=account, limit=1))[0].state is RequestState.CANCELLED


async def test_what_cannot_be_asked_for_is_said_beside_the_form(
    browse: Browse, site: Site, watch: Watch, ledger: PostgresLedger
) -> None:
    page = await browse(Look(screen="phone"))
    await opened(page, site, HUGO)  # nothing is left: the form is open
    await page.get_by_label("Outra quantidade").check()
    await page.get_by_label("Quantidade de tokens", exact=True).fill("muitos")
    await page.locator("#field-reason").fill("fechamento")
    watch.expect(400)
    await page.get_by_role("button", name="Enviar o pedido").click()
    await expect(page.get_by_role("alert")).to_contain_text("de 1 a 10.000.000 tokens")
    await expect(page.locator("#field-tokens")).to_have_value("muitos")
    await expect(page.locator("#field-tokens")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#field-reason")).to_have_value("fechamento")
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, "statement-refused")


async def test_entries_are_turned_in_place_with_scripts_and_by_links_without(browse: Browse, site: Site) -> None:
    page = await browse()
    await opened(page, site, ANA)
    first = await page.locator("#entries tbody tr").first.inner_text()
    await page.get_by_role("link", name="Lançamentos mais antigos").click()
    await expect(page.locator("#entries tbody tr").first).not_to_have_text(first)
    assert page.url == site.address("/me"), "scripts put them in place of the ones before"
    await expect(page.locator("#entries")).to_be_focused()
    plain = await browse(java_script_enabled=False)
    await opened(plain, site, ANA)
    await plain.get_by_role("link", name="Lançamentos mais antigos").click()
    await plain.wait_for_url(site.address("/me/entries?before=*"))
    await expect(plain.get_by_role("link", name="Lançamentos mais recentes")).to_be_visible()
    await expect(plain.locator("#entries tbody tr").first).not_to_have_text(first)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_entries_and_settings_are_for_everybody(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await opened(page, site, GRACE if look.language == "en" else ANA)
    for path in ("entries", "settings"):
        await page.goto(site.address(f"/me/{path}"))
        await expect(page.locator("html")).to_have_attribute("lang", look.language)
        await assert_accessible(page)
        await assert_fits(page)
        await keep(page, f"statement-{path}-{look}")


async def test_language_messages_and_colours_are_chosen_here(
    browse: Browse, site: Site, ledger: PostgresLedger
) -> None:
    page = await browse()
    await opened(page, site, BRUNO)
    await page.goto(site.address("/me/settings"))
    await page.get_by_role("button", name="Escuro").click()
    await page.wait_for_url(site.address("/me/settings"))
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.locator("#field-locale").select_option("en")
    await page.get_by_role("button", name="Salvar").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.get_by_role("button", name="Light")).to_be_visible()
    await page.get_by_label("By e-mail").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("By e-mail")).not_to_be_checked()
    assert (await ledger.actions.preferences(BRUNO)).mails is False
    await page.locator("#field-locale").select_option("pt_BR")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Salvo.")


async def test_what_is_booked_can_be_taken_home(browse: Browse, site: Site) -> None:
    page = await browse()
    await opened(page, site, ANA)
    await page.goto(site.address("/me/settings"))
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Todos os lançamentos: XLSX").click()
    download = await downloading.value
    assert download.suggested_filename == "solaris-entries.xlsx"


async def test_signing_out_everywhere_closes_every_window(browse: Browse, site: Site, watch: Watch) -> None:
    page, other = await browse(), await browse(Look(screen="phone"))
    for each in (page, other):
        await opened(each, site, CAROLINA)
    await page.goto(site.address("/me/settings"))
    await page.get_by_role("button", name="Sair em todos os lugares").click()
    await page.wait_for_url(site.address("/me/sign-in?out=1"))
    watch.expect(401)
    answer = await other.goto(site.address("/me"))
    assert answer is not None
    assert answer.status == 401
    await expect(other.get_by_text("A sessão terminou")).to_be_visible()


async def test_the_chart_is_drawn_from_the_table_beside_it(browse: Browse, site: Site) -> None:
    page = await browse()
    await opened(page, site, ANA)
    await expect(page.locator("figure.chart.drawn canvas")).to_be_visible()
    plain = await browse(java_script_enabled=False)
    await opened(plain, site, ANA)
    await expect(plain.locator("figure.chart table")).to_be_visible()
    await assert_fits(plain)


async def test_a_statement_needs_no_script(browse: Browse, site: Site) -> None:
    page = await browse(java_script_enabled=False)
    await opened(page, site, ANA)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
