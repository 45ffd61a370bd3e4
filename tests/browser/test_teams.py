"""Teams in a browser, for administrators: their use in reports, and their members."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Settlement
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep
from tests.browser.looks import LOOKS, Look
from tests.browser.serving import Site
from tests.browser.test_sections import signed_in
from tests.integration.rolling_up import roll_up

SHARED, OWN = AccountId("team:vendas"), AccountId("user:sem.equipe")
RUI = MemberId("user:rui.vendas")
CALLS = (
    (SHARED, "vendas", RUI),
    (OWN, "suporte", None),
    (OWN, "7a3c41", None),
)
ERASE = {"pt-BR": "Apagar dados pessoais de um membro", "en": "Erase personal data of a member"}


@pytest_asyncio.fixture(loop_scope="session")
async def teams(ledger: PostgresLedger) -> None:
    """A team that shares an account, one whose people pay for themselves, and one of which nobody knows the name."""
    if await ledger.account(SHARED) is None:
        await ledger.put_account(SHARED, AccountChange(name="Vendas"), actor="admin:marta")
        await ledger.put_account(OWN, AccountChange(name="Sem Equipe"), actor="admin:marta")
        await ledger.note_team("suporte", "Suporte ao cliente")
        for account_id, team, member in CALLS:
            await ledger.settle(
                Settlement(
                    account_id,
                    new_hold_id(),
                    "gpt-4o",
                    12_345,
                    Usage(10_000, 2_345),
                    UsageSource.PROVIDER,
                    details={"team": team},
                    member_id=member,
                )
            )
    await roll_up(ledger)


@pytest.mark.usefixtures("teams")
@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_everybody_can_read_what_teams_used_and_see_members(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await signed_in(page, site, "reports")
    await page.goto(site.address("/admin/reports?by=team"))
    await expect(page.locator("#report .canvas canvas")).to_be_visible()
    rows = page.locator("#report table.stack tbody td.said")
    await expect(rows).to_have_text(["7a3c41", "Suporte ao cliente", "Vendas"])
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"admin-reports-by-team-{look}")
    await rows.get_by_role("link", name="Vendas").click()
    await page.goto(site.address("/admin/accounts/team%3Avendas/members"))
    await expect(page.locator('[data-figure="used"]')).to_have_text("12,345" if look.language == "en" else "12.345")
    await page.get_by_text(ERASE[look.language], exact=True).click()
    await expect(page.locator("button.danger")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await keep(page, f"admin-members-{look}")
