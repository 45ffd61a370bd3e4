"""The list of accounts and an account's page: its figures are the ledger's, and its forms change the books once."""

from __future__ import annotations

import datetime as dt
import re
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant, HoldRequest, Settlement
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.terms import Field
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.web.asking import ADMIN, send, signed_in


@pytest.fixture
async def account(books: PostgresLedger) -> AccountId:
    """An account of the test's own, with some history."""
    made = AccountId(f"user:{uuid4().hex}/a b")
    await books.put_account(made, AccountChange(name="Ana <b>Lima</b>", email="ana@example.org"), actor="admin:seed")
    await books.settle(Settlement(made, new_hold_id(), "gpt-4o", 700_123, Usage(700_000, 123), UsageSource.PROVIDER))
    await books.settle(Settlement(made, new_hold_id(), "claude", 150_001, Usage(150_000, 1), UsageSource.PROVIDER))
    await books.grant_credits(Grant(made, 7_000, "Welcome <i>", "admin:seed", "welcome"))
    await books.hold(HoldRequest(made, new_hold_id(), "gpt-4o", 901, 100, 50, 600))
    return made


def page_of(account: AccountId) -> str:
    return f"/accounts/{account.replace('/', '%2F').replace(' ', '%20').replace(':', '%3A')}"


def figures(page: str) -> dict[str, int]:
    return {name: int(value.replace(",", "")) for name, value in re.findall(r'data-figure="([\w-]+)">([\d,]+)<', page)}


async def test_the_page_s_figures_are_the_ledger_s(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    page = (await admin.get(f"{ADMIN}{page_of(account)}")).text
    found = await books.account(account)
    assert found is not None
    balance = found.balance
    assert figures(page) == {
        "granted": balance.allowance_granted,
        "used": balance.allowance_used,
        "credits": balance.credits_remaining,
        "credits-used": balance.credits_used,
        "held": balance.held,
        "overage": balance.overage,
        "available": balance.available,
    }
    assert f"{balance.remaining:,} of {balance.limit:,} tokens remain" in page
    per_day = [int(value) for value in re.findall(r'data-value="(\d+)"', page)]
    assert (len(per_day), sum(per_day), per_day[-1]) == (30, 850_124, 850_124)
    for model, tokens in (("gpt-4o", "700,123"), ("claude", "150,001")):
        assert re.search(rf"{model}</td>.*?{tokens}</td>", page)
    for entry in await books.entries(account):
        assert f'<td class="number">{entry.tokens:,}</td>' in page
    assert "901" in page
    assert "&lt;b&gt;Lima" in page
    assert "<b>Lima" not in page
    assert "Welcome &lt;i&gt;" in page


async def test_credits_are_granted_once_however_often_the_form_is_sent(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    form = {"tokens": "500.000", "reason": "Invoice 4711", "origin": "purchase", "key": "k1", "expires": ""}
    first = await send(admin, f"{page_of(account)}/credits", **form)
    assert first.headers["location"] == f"{ADMIN}{page_of(account)}?done=granted"
    again = await send(admin, f"{page_of(account)}/credits", **form)
    assert again.headers["location"].endswith("?done=again")
    found = await books.account(account)
    assert found is not None
    assert found.balance.credits_remaining == 507_000
    assert "The credits were granted." in (await admin.get(first.headers["location"])).text
    (record, *_) = await books.trail.records()
    assert (record.actor, record.action, record.reason) == ("admin:boss", "credits.grant", "Invoice 4711")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tokens": ""}, "Fill this in."),
        ({"tokens": "lots"}, "whole number"),
        ({"tokens": "0"}, "too small"),
        ({"tokens": "9" * 20}, "too large"),
        ({"reason": ""}, "Fill this in."),
        ({"reason": "x" * 501}, "too long"),
        ({"reason": "a\x00b"}, "too long"),
        ({"origin": "request"}, "Choose one"),
        ({"expires": "2020-01-01"}, "is over"),
        ({"expires": "soon"}, "day that exists"),
        ({"expires": "9999-12-31"}, "day that exists"),
    ],
)
async def test_what_cannot_be_granted_is_said_beside_its_field_and_what_was_typed_stays(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId, wrong: dict[str, str], said: str
) -> None:
    form = {"tokens": "1234", "reason": "because", "origin": "bonus", "key": "k", "expires": "2030-01-31"} | wrong
    answer = await send(admin, f"{page_of(account)}/credits", **form)
    assert answer.status_code == 400
    assert said in answer.text
    assert '<details class="action" open>' in answer.text
    assert ('value="because"' in answer.text) == ("reason" not in wrong)
    found = await books.account(account)
    assert found is not None
    assert found.balance.credits_remaining == 7_000


async def test_credits_end_with_the_last_day_of_the_account_s_own_zone(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    await send(
        admin,
        f"{page_of(account)}/credits",
        tokens="10",
        reason="r",
        origin="grant",
        key="k",
        expires="2030-01-31",
    )
    (lot, *_) = await books.lots.all(account)
    assert lot.expires_at == dt.datetime(2030, 2, 1, 3, tzinfo=dt.UTC)


async def test_unused_credits_are_taken_back(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    (lot,) = await books.lots.all(account)
    path = f"{page_of(account)}/lots/{lot.lot_id}/revoke"
    assert (await send(admin, path, reason="", key="k")).status_code == 400
    taken = await send(admin, path, reason="by mistake", key="k")
    assert taken.headers["location"].endswith("?done=revoked")
    found = await books.account(account)
    assert found is not None
    assert found.balance.credits_remaining == 0
    for wrong in ("none", "00000000-0000-4000-8000-000000000000"):
        answer = await send(admin, f"{page_of(account)}/lots/{wrong}/revoke", reason="r", key="k2")
        assert answer.status_code == 404


async def test_plan_limits_status_and_profile_are_changed_with_a_reason(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    path = page_of(account)
    assert (await send(admin, f"{path}/plan", plan="none", when="now", reason="r")).status_code == 400
    assert (await send(admin, f"{path}/plan", plan="default", when="renewal", reason="r")).status_code == 303
    terms = {"monthly_tokens": "2.000.000", "allowed_models": "gpt-*, claude*", "reason": "thesis", "until": ""}
    assert (await send(admin, f"{path}/terms", **terms)).status_code == 303
    found = await books.account(account)
    assert found is not None
    assert found.balance.allowance_granted == 2_000_000
    assert found.balance.terms.allowed_models == ("gpt-*", "claude*")
    assert (await send(admin, f"{path}/terms", clear="allowed_models", reason="done")).status_code == 303
    assert (await send(admin, f"{path}/status", status="asleep", reason="r")).status_code == 400
    assert (await send(admin, f"{path}/status", status="suspended", reason="unpaid", told="Fatura")).status_code == 303
    assert (await send(admin, f"{path}/profile", locale="en", mails="")).status_code == 303
    found = await books.account(account)
    assert found is not None
    assert (found.balance.status, found.balance.status_reason) == (Status.SUSPENDED, "Fatura")
    assert found.balance.locale == "en"
    assert found.standing.override(Field.ALLOWED_MODELS) is None
    assert not await books.deliveries.gets_mails(account)


@pytest.mark.parametrize("action", ["credits", "plan", "terms", "status", "profile"])
async def test_forms_make_no_account(admin: httpx.AsyncClient, books: PostgresLedger, action: str) -> None:
    form = {"tokens": "5", "reason": "r", "origin": "grant", "key": "k", "plan": "default", "when": "now"}
    form |= {"status": "active", "locale": "en", "monthly_tokens": "1"}
    assert (await send(admin, f"/accounts/user%3Anobody/{action}", **form)).status_code in {400, 404}
    assert await books.account(AccountId("user:nobody")) is None


async def test_roles_see_and_do_what_is_theirs(
    browser: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    path = page_of(account)
    await signed_in(browser, "sk-auditor")
    page = (await browser.get(f"{ADMIN}{path}")).text
    assert "Grant credits" not in page
    assert "Language, e-mails, notices" not in page
    assert (await send(browser, f"{path}/credits", tokens="5", reason="r", origin="grant")).status_code == 403
    assert (await send(browser, f"{path}/profile", locale="en")).status_code == 403
    await signed_in(browser, "sk-operator")
    page = (await browser.get(f"{ADMIN}{path}")).text
    assert "Grant credits" not in page
    assert "Language, e-mails, notices" in page
    assert (await send(browser, f"{path}/status", status="blocked", reason="r")).status_code == 403
    assert (await send(browser, f"{path}/profile", locale="en", mails="on")).status_code == 303
    found = await books.account(account)
    assert found is not None
    assert (found.balance.status, found.balance.credits_remaining) == (Status.ACTIVE, 7_000)


async def test_entries_come_a_page_at_a_time(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    for number in range(30):
        await books.grant_credits(Grant(account, 1, "more", "admin:seed", f"more-{number}"))
    page = (await admin.get(f"{ADMIN}{page_of(account)}")).text
    (older,) = set(re.findall(r'hx-get="([^"]+/entries\?before=\d+)"', page))
    piece = await admin.get(older, headers={"hx-request": "true"})
    assert "<html" not in piece.text
    assert "opening" in piece.text
    assert "<html" in (await admin.get(older)).text


async def test_accounts_are_found_as_one_types(admin: httpx.AsyncClient, account: AccountId) -> None:
    piece = await admin.get(f"{ADMIN}/accounts", params={"q": account[5:40]}, headers={"hx-request": "true"})
    assert "<html" not in piece.text
    assert page_of(account) in piece.text
    assert "No account matches." in (await admin.get(f"{ADMIN}/accounts?q=nobody-has-this")).text
    assert (await admin.get(f"{ADMIN}/accounts/user%3Anobody")).status_code == 404
    assert (await admin.get(f"{ADMIN}/accounts/nonsense")).status_code == 400
