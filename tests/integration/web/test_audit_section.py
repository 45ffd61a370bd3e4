"""The audit trail on the page: what was changed, shown so that people can read it."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId
from tests.integration.web.asking import ADMIN, signed_in


@pytest.fixture
async def who(books: PostgresLedger) -> AccountId:
    """An account that was made by one person, then suspended by another."""
    account_id = AccountId(f"user:{uuid4().hex[:12]}/ação")
    await books.put_account(account_id, AccountChange(name="<b>Iara</b>"), actor="admin:marta")
    suspended = AccountChange(status=Status.SUSPENDED, status_reason="fatura <i>12</i>")
    await books.put_account(account_id, suspended, actor="admin:<joão>", reason="not paid")
    return account_id


async def asked(admin: httpx.AsyncClient, **filters: object) -> str:
    answer = await admin.get(f"{ADMIN}/audit", params={name: str(value) for name, value in filters.items()})
    assert answer.status_code == 200
    return answer.text


async def test_a_change_shows_who_why_and_what_it_was_and_became(admin: httpx.AsyncClient, who: AccountId) -> None:
    page = await asked(admin, account=who, action="account.change")
    assert "Account changed</h2>" in page
    assert "admin:&lt;joão&gt;" in page
    assert "<p>not paid</p>" in page
    assert "<del>active</del>" in page
    assert "<ins>suspended</ins>" in page
    assert "<ins>fatura &lt;i&gt;12&lt;/i&gt;</ins>" in page
    assert "<i>12" not in page


async def test_changes_are_found_by_account_action_person_and_day(admin: httpx.AsyncClient, who: AccountId) -> None:
    today = dt.datetime.now(dt.UTC).date()
    both = await asked(admin, account=who)
    assert both.index("Account changed</h2>") < both.index("Account made</h2>"), "the newest comes first"
    for filters, made, changed in (
        ({"actor": "admin:marta"}, True, False),
        ({"action": "account.change"}, False, True),
        ({"since": today - dt.timedelta(days=1)}, True, True),
        ({"since": today + dt.timedelta(days=2)}, False, False),
        ({"action": "nothing.known"}, False, False),
    ):
        page = await asked(admin, account=who, **filters)
        assert ("Account made</h2>" in page, "Account changed</h2>" in page) == (made, changed), filters


async def test_the_list_has_pages_that_keep_the_filters(
    admin: httpx.AsyncClient, who: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solaris_hooks.web.admin.audit.PAGE", 1)
    first = await asked(admin, account=who)
    following = first.split('hx-push-url="true">Further')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = (await admin.get(following)).text
    assert ("Account changed</h2>" in second, "Account made</h2>" in second) == (False, True)


async def test_a_filter_that_cannot_be_is_said_beside_its_field(admin: httpx.AsyncClient) -> None:
    for filters, said in (
        ({"since": "yesterday"}, "Write a day that exists."),
        ({"account": "a\x00b"}, "no such account"),
    ):
        answer = await admin.get(f"{ADMIN}/audit", params=filters)
        assert (answer.status_code, said in answer.text) == (400, True)


@pytest.mark.parametrize("key", ["sk-operator", "sk-auditor"])
async def test_whoever_reads_may_see_it(browser: httpx.AsyncClient, who: AccountId, key: str) -> None:
    await signed_in(browser, key)
    assert "Account made" in await asked(browser, account=who)
