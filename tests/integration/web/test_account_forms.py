"""Further forms of an account's page: a new period, messages, preferences, merging, erasure, undoing, all data."""

from __future__ import annotations

import json
import re
from html import unescape
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.audit_trail import AuditFilter, AuditRecord
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant, Settlement
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.web.asking import ADMIN, send, signed_in


@pytest.fixture
async def account(books: PostgresLedger) -> AccountId:
    """An account that has used 600,000 tokens and has 7,000 credits."""
    return await made(books)


async def made(books: PostgresLedger) -> AccountId:
    account = AccountId(f"user:{uuid4().hex}")
    await books.put_account(
        account, AccountChange(name="Ana <b>", email=f"{account[5:]}@example.org"), actor="admin:seed"
    )
    usage = Usage(600_000, 0)
    await books.settle(Settlement(account, new_hold_id(), "gpt-4o", 600_000, usage, UsageSource.PROVIDER))
    await books.grant_credits(Grant(account, 7_000, "Welcome", "admin:seed", "welcome"))
    return account


def page_of(account: AccountId) -> str:
    return f"/accounts/{account.replace(':', '%3A')}"


async def balance_of(books: PostgresLedger, account: AccountId) -> Balance:
    found = await books.account(account)
    assert found is not None
    return found.balance


async def last_change(books: PostgresLedger, account: AccountId) -> AuditRecord:
    (record,) = await books.trail.records(AuditFilter(account_id=account), limit=1)
    return record


async def test_a_period_is_set_back_once(admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId) -> None:
    path = f"{page_of(account)}/reset"
    assert (await send(admin, path, reason="", key="r1")).status_code == 400
    assert (await send(admin, path, reason="our failure", key="r1")).headers["location"].endswith("?done=reset")
    assert (await balance_of(books, account)).allowance_used == 0
    assert (await send(admin, path, reason="again", key="r2")).headers["location"].endswith("?done=nothing_to_reset")
    assert (await send(admin, "/accounts/user%3Anobody/reset", reason="r", key="r")).status_code == 404


async def test_a_message_is_sent_once_and_its_lines_stay(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    path = f"{page_of(account)}/messages"
    form = {"text": "Olá\r\n<b>amanhã</b>", "chat": "on", "mail": "on", "key": "m1", "reason": ""}
    assert (await send(admin, path, **form)).headers["location"].endswith("?done=messaged")
    assert (await send(admin, path, **form)).headers["location"].endswith("?done=messaged_before")
    record = await last_change(books, account)
    assert record.action == "message.send"
    assert record.after is not None
    assert record.after["text"] == "Olá\n<b>amanhã</b>"
    refused = await send(admin, path, **{**form, "text": "another"})
    assert refused.status_code == 400
    assert "another</textarea>" in refused.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": ""}, "Fill this in."),
        ({"text": "x" * 1001}, "too long"),
        ({"text": "a\x07b"}, "too long"),
        ({"chat": ""}, "Choose at least one."),
    ],
)
async def test_what_cannot_be_sent_is_said_beside_its_field(
    admin: httpx.AsyncClient, account: AccountId, wrong: dict[str, str], said: str
) -> None:
    answer = await send(admin, f"{page_of(account)}/messages", **({"text": "Olá", "chat": "on", "key": "m"} | wrong))
    assert answer.status_code == 400
    assert said in answer.text


async def test_whoever_cannot_be_reached_or_got_too_much_is_not_written_to(
    admin: httpx.AsyncClient, account: AccountId
) -> None:
    path = page_of(account)
    await send(admin, f"{path}/profile", locale="en", mails="", chat_notices="")
    answer = await send(admin, f"{path}/messages", text="Olá", chat="on", key="m")
    assert (answer.status_code, "wants nothing told in the chat" in unescape(answer.text)) == (400, True)
    await send(admin, f"{path}/profile", locale="en", mails="", chat_notices="on")
    for number in range(10):
        assert (await send(admin, f"{path}/messages", text="Olá", chat="on", key=f"{number}")).status_code == 303
    answer = await send(admin, f"{path}/messages", text="Olá", chat="on", key="one more")
    assert (answer.status_code, "within 24 hours" in answer.text) == (400, True)


async def test_preferences_are_set_together(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    form = {"locale": "en", "mails": "", "chat_notices": "", "reason": "he asked"}
    await send(admin, f"{page_of(account)}/profile", **form)
    preferences = await books.actions.preferences(account)
    assert (preferences.locale, preferences.mails, preferences.chat_notices) == ("en", False, False)
    record = await last_change(books, account)
    assert (record.action, record.reason) == ("account.preferences", "he asked")


async def test_a_merge_is_shown_first_and_asks_for_the_id(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    target, path = await made(books), page_of(account)
    shown = await send(admin, f"{path}/merge/preview", into=target, move_use="on")
    moved = dict(re.findall(r'<dd data-figure="(\w+)">([\d,]+)<', shown.text))
    assert (moved["credits"], moved["used"], moved["lapsed"]) == ("7,000", "600,000", "1,000,000")
    assert (await balance_of(books, target)).credits_remaining == 7_000
    form = {"into": target, "move_use": "on", "reason": "one person", "key": "g1"}
    refused = await send(admin, f"{path}/merge", **form, confirm="user:other")
    assert (refused.status_code, "This is not the same." in refused.text) == (400, True)
    merged = await send(admin, f"{path}/merge", **form, confirm=account)
    assert merged.headers["location"] == f"{ADMIN}{page_of(target)}?done=merged"
    again = await send(admin, f"{path}/merge", **form, confirm=account)
    assert again.headers["location"].endswith("?done=merged_before")
    assert (await balance_of(books, account)).status is Status.BLOCKED
    balance = await balance_of(books, target)
    granted, used = balance.allowance_granted + 14_000, 1_200_000
    assert balance.remaining - balance.overage == granted - used


@pytest.mark.parametrize("into", ["", "nonsense", "user:nobody-is-called-this", "self"])
async def test_no_account_goes_into_none(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId, into: str
) -> None:
    answer = await send(admin, f"{page_of(account)}/merge/preview", into=account if into == "self" else into)
    assert answer.status_code == 400
    assert (await balance_of(books, account)).status is Status.ACTIVE


async def test_a_person_is_forgotten_when_the_id_is_typed_again(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    path = f"{page_of(account)}/erase"
    refused = await send(admin, path, reason="request 12", confirm="user:other")
    assert (refused.status_code, "This is not the same." in refused.text) == (400, True)
    assert "Ana &lt;b&gt;" in refused.text
    done = await send(admin, path, reason="request 12", confirm=account)
    assert done.headers["location"].endswith("?done=erased")
    page = (await admin.get(done.headers["location"])).text
    assert "Ana" not in page
    assert (await balance_of(books, account)).status is Status.BLOCKED


async def test_all_data_of_an_account_is_one_document(admin: httpx.AsyncClient, account: AccountId) -> None:
    answer = await admin.get(f"{ADMIN}{page_of(account)}/export")
    assert answer.headers["cache-control"] == "no-store"
    document = json.loads(answer.text)
    assert (document["account"]["id"], document["complete"]) == (account, True)
    assert (await admin.get(f"{ADMIN}/accounts/user%3Anobody/export")).status_code == 404


async def test_what_can_be_undone_has_a_button_and_is_undone_once(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    await send(admin, f"{page_of(account)}/status", status="suspended", reason="a slip", told="")
    number = (await last_change(books, account)).number
    page = (await admin.get(f"{ADMIN}{page_of(account)}")).text
    assert f"/audit/{number}/undo" in page
    assert f"/admin/refusals?q={page_of(account)[len('/accounts/') :]}" in page
    asked = (await admin.get(f"{ADMIN}/audit/{number}/undo")).text
    assert "This becomes again as it was:" in asked
    assert (await send(admin, f"/audit/{number}/undo", reason="")).status_code == 400
    done = await send(admin, f"/audit/{number}/undo", reason="it was a slip")
    assert done.headers["location"] == f"{ADMIN}{page_of(account)}?done=undone"
    assert (await balance_of(books, account)).status is Status.ACTIVE
    again = await send(admin, f"/audit/{number}/undo", reason="once more")
    assert (again.status_code, "It was undone before." in again.text) == (400, True)
    assert f"/audit/{number}/undo" not in (await admin.get(f"{ADMIN}{page_of(account)}")).text
    for wrong in ("0", "none", "9" * 30):
        assert (await admin.get(f"{ADMIN}/audit/{wrong}/undo")).status_code == 404


async def test_the_audit_trail_has_these_buttons_too(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    await send(admin, f"{page_of(account)}/status", status="suspended", reason="a slip", told="")
    number = (await last_change(books, account)).number
    page = (await admin.get(f"{ADMIN}/audit", params={"account": account})).text
    assert f"/audit/{number}/undo?back=audit" in page
    assert 'name="back" value="audit"' in (await admin.get(f"{ADMIN}/audit/{number}/undo?back=audit")).text
    done = await send(admin, f"/audit/{number}/undo", reason="it was a slip", back="audit")
    assert done.headers["location"] == f"{ADMIN}/audit?done=undone"


async def test_what_changed_since_is_not_undone(
    admin: httpx.AsyncClient, books: PostgresLedger, account: AccountId
) -> None:
    await send(admin, f"{page_of(account)}/status", status="suspended", reason="a slip", told="")
    number = (await last_change(books, account)).number
    await send(admin, f"{page_of(account)}/status", status="blocked", reason="fraud", told="")
    answer = await send(admin, f"/audit/{number}/undo", reason="it was a slip", back="audit")
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert (await balance_of(books, account)).status is Status.BLOCKED


async def test_roles_have_the_forms_that_are_theirs(browser: httpx.AsyncClient, account: AccountId) -> None:
    forms = {
        "merge/preview": {"sk-admin"},
        "merge": {"sk-admin"},
        "erase": {"sk-admin"},
        "reset": {"sk-admin", "sk-plain-admin"},
        "messages": {"sk-admin", "sk-plain-admin", "sk-operator"},
    }
    for key in ("sk-plain-admin", "sk-operator", "sk-auditor"):
        await signed_in(browser, key)
        page = (await browser.get(f"{ADMIN}{page_of(account)}")).text
        for form, may in forms.items():
            if form != "merge":
                assert (f'{page_of(account)}/{form}"' in page) == (key in may), (key, form)
            status = (await send(browser, f"{page_of(account)}/{form}")).status_code
            assert (status != 403) == (key in may), (key, form)
        assert ("/undo" in page) == (key == "sk-plain-admin")
