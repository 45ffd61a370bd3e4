"""The list of accounts: what the address asks for is what the ledger lists, on the page and in its files."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.account_list import AccountFilter, AccountSort
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, HoldRequest, Settlement
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.rolling_up import roll_up
from tests.integration.web.asking import ADMIN, signed_in

LIST = f"{ADMIN}/accounts"
PIECE = {"hx-request": "true"}
USED = {"a": 1_050_000, "b": 960_000, "c": 850_000, "d": 100_000, "e": 0}


@pytest.fixture
async def tag(books: PostgresLedger) -> str:
    """What the ids of this test's five accounts have in common; their use is in the totals."""
    tag = uuid4().hex
    for letter, tokens in USED.items():
        account = AccountId(f"user:{tag}-{letter}")
        status = Status.SUSPENDED if letter == "d" else Status.ACTIVE
        change = AccountChange(name=f"<b>{letter}</b>", status=status)
        await books.put_account(account, change, actor="admin:seed", reason="seed")
        if tokens:
            hold, usage = new_hold_id(), Usage(tokens, 0)
            await books.hold(HoldRequest(account, hold, "gpt-4o", 1, 1, 0, 600))
            await books.settle(Settlement(account, hold, "gpt-4o", tokens, usage, UsageSource.PROVIDER))
    await roll_up(books)
    return tag


def letters(page: str, tag: str) -> str:
    """Which of the test's accounts a page lists, in its order."""
    return "".join(re.findall(rf'href="[^"]*/accounts/user%3A{tag}-(\w)"', page))


@pytest.mark.parametrize(
    ("parameters", "wanted", "sort", "descending"),
    [
        ({}, AccountFilter(), AccountSort.ID, False),
        ({"sort": "-id"}, AccountFilter(), AccountSort.ID, True),
        ({"sort": "-use_percent"}, AccountFilter(), AccountSort.USE_PERCENT, True),
        ({"sort": "remaining"}, AccountFilter(), AccountSort.REMAINING, False),
        ({"sort": "last_used"}, AccountFilter(), AccountSort.LAST_USED, False),
        ({"state": "exhausted"}, AccountFilter(state=State.EXHAUSTED), AccountSort.ID, False),
        ({"state": "warning"}, AccountFilter(state=State.WARNING), AccountSort.ID, False),
        ({"status": "suspended"}, AccountFilter(status=Status.SUSPENDED), AccountSort.ID, False),
        ({"plan": "default"}, AccountFilter(plan_id="default"), AccountSort.ID, False),
    ],
)
async def test_the_page_lists_what_the_ledger_lists(
    admin: httpx.AsyncClient,
    books: PostgresLedger,
    tag: str,
    parameters: dict[str, str],
    wanted: AccountFilter,
    sort: AccountSort,
    descending: bool,  # noqa: FBT001 - a parameter
) -> None:
    filtered = AccountFilter(query=tag, status=wanted.status, plan_id=wanted.plan_id, state=wanted.state)
    listing = await books.account_list.page(filtered, sort=sort, descending=descending)
    expected = "".join(each.balance.account_id[-1] for each in listing.accounts)
    assert expected
    page = (await admin.get(LIST, params={"q": tag, **parameters})).text
    assert letters(page, tag) == expected
    for each in listing.accounts:
        assert f'<td data-label="Remaining" class="number">{each.balance.remaining:,}</td>' in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


async def test_accounts_are_found_by_when_they_were_seen(admin: httpx.AsyncClient, tag: str) -> None:
    async def found(**parameters: str) -> str:
        return letters((await admin.get(LIST, params={"q": tag, **parameters})).text, tag)

    assert await found(seen_after="2020-01-01") == "abcd"
    assert await found(seen_before="2020-01-01") == "e"
    assert await found(unseen="30") == "e"
    assert await found(seen_after="2999-01-01") == ""


async def test_the_lists_of_the_overview_are_there(admin: httpx.AsyncClient, tag: str) -> None:
    assert "a" in letters((await admin.get(f"{LIST}?state=exhausted&q={tag}")).text, tag)
    assert letters((await admin.get(f"{LIST}?status=suspended&q={tag}")).text, tag) == "d"
    page = (await admin.get(f"{LIST}?status=suspended")).text
    assert re.search(r'\?status=suspended" aria-current="page">Suspended', page)


async def test_headers_sort_and_turn_round(admin: httpx.AsyncClient, tag: str) -> None:
    page = (await admin.get(f"{LIST}?q={tag}&sort=-use_percent")).text
    assert re.findall(r'aria-sort="(\w+)"', page) == ["descending"]
    (turned,) = re.findall(r'aria-sort="descending"><a href="([^"]+)"', page)
    page = (await admin.get(unescape(turned))).text
    assert re.findall(r'aria-sort="(\w+)"', page) == ["ascending"]
    assert letters(page, tag) == "edcba"


async def test_a_piece_says_where_its_list_is(admin: httpx.AsyncClient, tag: str) -> None:
    asked = {"q": tag, "status": "", "state": "exhausted", "plan": "", "unseen": "", "sort": "id"}
    piece = await admin.get(LIST, params=asked, headers=PIECE)
    assert "<html" not in piece.text
    assert piece.headers["hx-push-url"] == f"{LIST}?q={tag}&state=exhausted"


async def test_pages_follow_one_another_in_every_order(
    admin: httpx.AsyncClient, books: PostgresLedger, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    monkeypatch.setattr("solaris_hooks.web.admin.accounts.ROWS", 2)
    for order, expected in (("id", "abcde"), ("-use_percent", "abcde"), ("remaining", "abcde"), ("last_used", "eabcd")):
        address, seen = f"{LIST}?q={tag}&sort={order}", ""
        while address:
            page = (await admin.get(address)).text
            seen += letters(page, tag)
            following = re.findall(r'<a href="([^"]+)">Next page</a>', page)
            address = unescape(following[0]) if following else ""
        assert seen == expected, order
    assert (await admin.get(f"{LIST}?after=nonsense")).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"state": "tired"}, "Choose one"),
        ({"plan": "none"}, "Choose one"),
        ({"sort": "beauty"}, "Choose one"),
        ({"seen_after": "soon"}, "day that exists"),
        ({"seen_before": "9999-12-32"}, "day that exists"),
        ({"unseen": "many"}, "whole number"),
        ({"q": "a\x01b"}, "too long"),
    ],
)
async def test_what_cannot_be_asked_is_said_beside_its_field(
    admin: httpx.AsyncClient, wrong: dict[str, str], said: str
) -> None:
    answer = await admin.get(LIST, params=wrong)
    assert answer.status_code == 400
    assert said in answer.text
    assert (await admin.get(f"{LIST}/export", params={**wrong, "format": "csv"})).status_code == 400


async def test_files_have_all_pages_of_the_very_list(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    monkeypatch.setattr("solaris_hooks.web.admin.accounts.ROWS", 2)
    page = (await admin.get(f"{LIST}?q={tag}&sort=-used")).text
    files = {kind: unescape(address) for address, kind in re.findall(r'href="([^"]+format=(\w+))"', page)}
    assert set(files) == {"csv", "xlsx", "json"}
    rows = list(csv.DictReader(io.StringIO((await admin.get(files["csv"])).content.decode("utf-8-sig"))))
    assert [row["account_id"][-1] for row in rows] == list("abcde")
    assert [int(row["used"]) for row in rows] == list(USED.values())
    data = json.loads((await admin.get(files["json"])).text)["data"]
    assert [each["account_id"][-1] for each in data] == list("abcde")
    assert (await admin.get(files["xlsx"])).content.startswith(b"PK")
    assert (await admin.get(f"{LIST}/export?format=pdf")).status_code == 400


async def test_who_may_not_change_ticks_nothing(browser: httpx.AsyncClient, tag: str) -> None:
    await signed_in(browser, "sk-auditor")
    page = (await browser.get(f"{LIST}?q={tag}")).text
    assert letters(page, tag) == "abcde"
    assert 'name="account"' not in page
    assert "With those that are ticked" not in page


async def test_the_overview_names_those_who_have_used_most(
    admin: httpx.AsyncClient, books: PostgresLedger, tag: str
) -> None:
    assert tag
    page = (await admin.get(ADMIN)).text
    listing = await books.account_list.page(AccountFilter(), sort=AccountSort.USE_PERCENT, descending=True, limit=8)
    expected = [each.balance.account_id for each in listing.accounts if each.balance.state is not State.NORMAL]
    near = page[page.index("Near the limit") : page.index("Who used most this month")]
    assert re.findall(r'/accounts/user%3A([^"]+)"', near) == [each.removeprefix("user:") for each in expected]
    assert expected
