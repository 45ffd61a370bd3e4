"""The statement of a team's member in a browser: his share alone, in every look."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.serving import Site
from tests.browser.watch import Watch
from tests.refused import holders, refusal

TEAM = AccountId("team:pesquisa")
RUI, EVA = MemberId("user:rui.castro"), MemberId("user:eva.prado")
USES = (("gpt-4o", 61_240), ("gpt-4o-mini", 18_003), ("claude-sonnet-4-5", 42_710), ("gpt-4o", 9_911))


@pytest_asyncio.fixture(loop_scope="session")
async def team(ledger: PostgresLedger) -> PostgresLedger:
    """A team that Rui has used most of his limit in, and Eva."""
    if await ledger.account(TEAM) is None:
        change = AccountChange(name="Pesquisa e Desenvolvimento", email="chefe@example.org")
        await ledger.put_account(TEAM, change, actor="admin:marta")
        await ledger.members.put_limit(LimitChange(TEAM, "admin:marta", RUI, 160_000, reason="um de dez"))
        for member, uses in ((RUI, USES), (EVA, (("eva-model", 300_000),))):
            for model, tokens in uses:
                hold_id = new_hold_id()
                await ledger.hold(HoldRequest(TEAM, hold_id, model, tokens, 1, 1, 60, member_id=member))
                usage = Usage(tokens, 0)
                await ledger.settle(Settlement(TEAM, hold_id, model, tokens, usage, UsageSource.PROVIDER))
        now = dt.datetime.now(dt.UTC)
        await ledger.refusals.write(
            [
                refusal(now, account_id=TEAM, member_id=member, model=model, holders=holders(777_001), message=told)
                for member, model, told in (
                    (RUI, "gpt-4o", "Seus tokens estão em uso por outras solicitações; tente em instantes."),
                    (EVA, "eva-model", "eva"),
                )
            ]
        )
    return ledger


async def opened(page: Page, site: Site, look: Look) -> None:
    """Follow a member's link, in the language of his browser."""
    await page.goto(site.link_of(TEAM, RUI))
    await page.wait_for_url(site.address("/me"))
    if look.language == "en":
        await page.goto(site.address("/me/settings"))
        await page.locator("#field-language").select_option("en")
        await page.get_by_role("button", name="Salvar").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.goto(site.address("/me"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_member_reads_his_own_statement(browse: Browse, site: Site, team: PostgresLedger, look: Look) -> None:
    page = await browse(look)
    await opened(page, site, look)
    left = "28,136 tokens are left for you" if look.language == "en" else "Restam 28.136 tokens para você"
    await expect(page.get_by_text(left)).to_be_visible()
    await expect(page.get_by_role("progressbar").first).to_have_attribute("value", "82")
    for path, name in (
        ("", "statement"),
        ("/entries", "entries"),
        ("/refusals", "refusals"),
        ("/settings", "settings"),
    ):
        await page.goto(site.address(f"/me{path}"))
        await expect(page.locator("html")).to_have_attribute("lang", look.language)
        await assert_accessible(page)
        await assert_fits(page)
        await keep(page, f"member-{name}-{look}")
        text = await page.content()
        assert not [each for each in ("eva.prado", "eva-model", "chefe@", "777") if each in text]


async def test_a_member_asks_for_credits_and_takes_them_back(
    browse: Browse, site: Site, team: PostgresLedger, watch: Watch
) -> None:
    page = await browse(Look("pt-BR", "dark", "phone"))
    await opened(page, site, Look())
    await page.locator("#ask > summary").click()
    await page.get_by_label("Grande").check()
    await page.locator("#field-reason").fill("relatório do trimestre")
    await page.get_by_role("button", name="Enviar o pedido").click()
    await expect(page.get_by_role("status")).to_contain_text("enviado")
    await assert_accessible(page)
    await keep(page, "member-asked")
    (asked,) = await team.requests.find(account_id=TEAM, requested_by=RUI)
    assert (asked.reason, asked.package) == ("relatório do trimestre", "Grande")
    await page.get_by_role("button", name="Retirar").click()
    await expect(page.get_by_role("status")).to_contain_text("retirado")
