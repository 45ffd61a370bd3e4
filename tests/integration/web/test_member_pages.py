"""Members of a team on the pages of administrators."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.web.asking import ADMIN, send, signed_in

RUI = MemberId("user:rui<b>")


@pytest.fixture
async def team(books: PostgresLedger) -> AccountId:
    """A team of the test's own, of which one member has used tokens and holds some."""
    made = AccountId(f"team:{uuid4().hex}")
    await books.put_account(made, AccountChange(name="Sales"), actor="admin:seed")
    hold = new_hold_id()
    await books.hold(HoldRequest(made, hold, "gpt-4o", 5_000, 10, 5, 600, member_id=RUI))
    use = Usage(1_000, 234)
    await books.settle(Settlement(made, hold, "gpt-4o", 1_234, use, UsageSource.PROVIDER, member_id=RUI))
    await books.hold(HoldRequest(made, new_hold_id(), "gpt-4o", 777, 10, 5, 600, member_id=RUI))
    return made


def page_of(team: AccountId) -> str:
    return f"/accounts/{team.replace(':', '%3A')}/members"


async def test_it_shows_what_each_may_use_has_used_and_holds(admin: httpx.AsyncClient, team: AccountId) -> None:
    assert f"{ADMIN}{page_of(team)}" in (await admin.get(f"{ADMIN}/accounts/{team.replace(':', '%3A')}")).text
    page = (await admin.get(f"{ADMIN}{page_of(team)}")).text
    assert 'data-figure="used">1,234<' in page
    assert 'data-label="Held" class="number">777<' in page
    assert "user:rui&lt;b&gt;" in page
    assert "rui<b>" not in page
    assert "may use all of it" in page


async def test_limits_of_one_and_of_all_are_set_with_a_reason(
    admin: httpx.AsyncClient, books: PostgresLedger, team: AccountId
) -> None:
    assert (await send(admin, page_of(team), member="", limit="10.000", reason="")).status_code == 400
    assert (await send(admin, page_of(team), member="", limit="many", reason="r")).status_code == 400
    assert (await send(admin, page_of(team), member="", limit="10.000", reason="fair")).status_code == 303
    assert (await send(admin, page_of(team), member="ana", limit="500", reason="intern")).status_code == 303
    ana = await books.members.get(team, MemberId("user:ana"))
    rui = await books.members.get(team, RUI)
    assert ana is not None
    assert rui is not None
    assert (ana.share.limit, ana.limit_is_own) == (500, True)
    assert (rui.share.limit, rui.limit_is_own) == (10_000, False)
    back = {"member": "ana", "limit": "", "inherit": "on", "reason": "grown"}
    assert (await send(admin, page_of(team), **back)).status_code == 303
    ana = await books.members.get(team, MemberId("user:ana"))
    assert ana is not None
    assert (ana.share.limit, ana.limit_is_own) == (10_000, False)
    (record, *_) = await books.trail.records()
    assert (record.actor, record.reason) == ("admin:boss", "grown")


async def test_only_teams_have_members_and_only_some_may_limit_them(
    browser: httpx.AsyncClient, team: AccountId
) -> None:
    await signed_in(browser, "sk-auditor")
    assert (await browser.get(f"{ADMIN}/accounts/user%3Aana/members")).status_code == 404
    assert "Set the limit" not in (await browser.get(f"{ADMIN}{page_of(team)}")).text
    assert (await send(browser, page_of(team), member="", limit="1", reason="r")).status_code == 403


async def test_a_member_is_forgotten_and_the_team_is_not(
    browser: httpx.AsyncClient, books: PostgresLedger, team: AccountId
) -> None:
    await signed_in(browser, "sk-admin")
    erase = f"{page_of(team)}/erase"
    slip = await send(browser, erase, member=RUI, confirm="user:rui", reason="request 12")
    assert slip.status_code == 400
    assert '<details class="action" open>' in slip.text
    unknown = await send(browser, erase, member="nobody", confirm="nobody", reason="request 12")
    assert unknown.status_code == 400
    done = await send(browser, erase, member=RUI, confirm=RUI, reason="request 12")
    assert done.status_code == 303, done.text
    rui = await books.members.get(team, RUI)
    assert rui is not None
    assert (rui.share.limit, rui.share.used, rui.email) == (0, 1_234, None)
    (record, *_) = await books.trail.records()
    assert (record.action, record.reason) == ("member.erase", "request 12")
    account = await books.account(team)
    assert account is not None
    assert account.balance.status == "active"


@pytest.mark.parametrize("key", ["sk-operator", "sk-auditor"])
async def test_only_a_super_administrator_forgets_members(
    browser: httpx.AsyncClient, team: AccountId, key: str
) -> None:
    await signed_in(browser, key)
    assert "Erase for good" not in (await browser.get(f"{ADMIN}{page_of(team)}")).text
    refused = await send(browser, f"{page_of(team)}/erase", member=RUI, confirm=RUI, reason="r")
    assert refused.status_code == 403
