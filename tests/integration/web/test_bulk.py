"""The same done to many accounts from the list: shown before, done once, told of each."""

from __future__ import annotations

import re
from html import escape, unescape
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Plan, Settlement
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.integration.web.asking import ADMIN, send, signed_in


@pytest.fixture
async def people(books: PostgresLedger) -> list[AccountId]:
    """Three accounts of the test's own, the last of them suspended."""
    tag = uuid4().hex
    made = [AccountId(f"user:{tag}-{number}<i>") for number in range(3)]
    for each in made:
        status = Status.SUSPENDED if each is made[2] else Status.ACTIVE
        change = AccountChange(status=status, email="a@example.org")
        await books.put_account(each, change, actor="admin:seed", reason="seed")
    return made


def tag_of(people: list[AccountId]) -> str:
    return people[0].removeprefix("user:").partition("-")[0]


def hidden(page: str) -> dict[str, list[str]]:
    """The hidden fields of a page's confirming form."""
    form = page[page.index('class="confirm"') :]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form):
        fields.setdefault(name, []).append(unescape(value))
    fields.pop("form_token")
    return fields


async def previewed(admin: httpx.AsyncClient, **fields: object) -> dict[str, list[str]]:
    answer = await send(admin, "/batches/preview", **fields)
    assert answer.status_code == 200, answer.text
    return hidden(answer.text)


async def credits_of(books: PostgresLedger, people: list[AccountId]) -> list[int]:
    found = [await books.account(each) for each in people]
    return [each.balance.credits_remaining for each in found if each is not None]


async def used_of(books: PostgresLedger, people: list[AccountId]) -> list[int]:
    found = [await books.account(each) for each in people]
    return [each.balance.used for each in found if each is not None]


async def status_of(books: PostgresLedger, people: list[AccountId]) -> list[Status]:
    found = [await books.account(each) for each in people]
    return [each.balance.status for each in found if each is not None]


async def test_a_list_leads_to_what_would_happen_and_that_to_what_came_of_it(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    missing = AccountId(f"user:{tag_of(people)}-gone")
    form = await send(admin, "/batches/new", kind="credits", account=[*people[:2], missing])
    assert "For 3 accounts." in form.text
    preview = await send(admin, "/batches/preview", kind="credits", tokens="5.000", account=[*people[:2], missing])
    assert '<span data-figure="tokens">10,000</span>' in preview.text
    assert "1 account will fail" in preview.text
    assert "&lt;i&gt;" in preview.text
    assert "<i>" not in preview.text
    assert await credits_of(books, people) == [0, 0, 0]
    done = await send(admin, "/batches", **hidden(preview.text), reason="our <b>failure</b>")
    assert done.status_code == 303
    page = (await admin.get(done.headers["location"])).text
    assert "done (2)" in page
    assert "failed (1)" in page
    assert "There is no such account." in page
    assert "our &lt;b&gt;failure&lt;/b&gt;" in page
    assert await credits_of(books, people) == [5_000, 5_000, 0]
    failed = (await admin.get(f"{done.headers['location']}?outcome=failed")).text
    assert re.findall(r'data-label="Account"><a [^>]+>([^<]+)<', failed) == [missing]
    assert "our &lt;b&gt;failure&lt;/b&gt;" in (await admin.get(f"{ADMIN}/batches")).text


async def test_a_double_submit_does_it_once(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    confirmed = await previewed(admin, kind="credits", tokens="70", q=tag_of(people), everybody="1")
    first = await send(admin, "/batches", **confirmed, reason="r")
    second = await send(admin, "/batches", **confirmed, reason="r")
    assert first.headers["location"] == second.headers["location"]
    assert await credits_of(books, people) == [70, 70, 70]
    other = await send(admin, "/batches", **{**confirmed, "tokens": ["71"]}, reason="r")
    assert other.status_code == 400
    assert "was used for another batch" in other.text


async def test_all_that_match_are_those_that_the_list_shows(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    filtered = {"q": tag_of(people), "status": "active", "state": "normal", "unseen": "30", "everybody": "1"}
    answer = await send(admin, "/batches/new", kind="suspend", account=people[2], **filtered)
    assert 'name="seen_before"' in answer.text  # a day, so that it still says the same when it is sent
    assert 'name="unseen"' not in answer.text
    confirmed = await previewed(admin, kind="suspend", told="Manutenção", **filtered)
    assert (await send(admin, "/batches", **confirmed, reason="maintenance")).status_code == 303
    assert await status_of(books, people) == [Status.SUSPENDED] * 3
    found = await books.account(people[0])
    assert found is not None
    assert found.balance.status_reason == "Manutenção"


async def test_plans_messages_and_reactivation(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    await books.put_plan(Plan("bulk-team", 5_000_000), actor="admin:seed")
    confirmed = await previewed(admin, kind="plan", to_plan="bulk-team", account=people)
    await send(admin, "/batches", **confirmed, reason="promotion")
    found = await books.account(people[0])
    assert found is not None
    assert found.balance.plan_id == "bulk-team"
    again = await send(admin, "/batches/preview", kind="plan", to_plan="bulk-team", account=people)
    assert "They are on this plan already:" in again.text
    assert "disabled" in again.text
    confirmed = await previewed(admin, kind="message", text="Olá\r\n<b>", chat="on", account=people)
    result = await send(admin, "/batches", **confirmed, reason="news")
    assert "done (3)" in (await admin.get(result.headers["location"])).text
    confirmed = await previewed(admin, kind="reactivate", account=people)
    result = await send(admin, "/batches", **confirmed, reason="paid")
    page = (await admin.get(result.headers["location"])).text
    assert "done (1)" in page
    assert "left as it was (2)" in page
    assert await status_of(books, people) == [Status.ACTIVE] * 3


async def test_people_are_named_in_what_would_happen_and_in_what_came_of_it(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    await books.put_account(people[0], AccountChange(name="Ana & Co"), actor="admin:seed")
    for kind in ("suspend", "reactivate"):
        preview = await send(admin, "/batches/preview", kind=kind, account=people)
        assert ">Ana &amp; Co</a>" in preview.text
        assert f'<code class="soft">{escape(people[0])}</code>' in preview.text
        assert ">a@example.org</a>" in preview.text, "who has no name"
    done = await send(admin, "/batches", **hidden(preview.text), reason="r")
    assert ">Ana &amp; Co</a>" in (await admin.get(done.headers["location"])).text


async def test_periods_are_reset_once_after_their_number_was_typed(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    for each in people[:2]:
        usage = Usage(30, 10)
        await books.settle(Settlement(each, new_hold_id(), "demo", 40, usage, UsageSource.PROVIDER))
    form = await send(admin, "/batches/new", kind="reset", account=people)
    assert "cannot be undone" in form.text
    preview = await send(admin, "/batches/preview", kind="reset", account=people)
    assert "type how many accounts will be changed: 2" in preview.text
    assert "They have used nothing in this period:" in preview.text
    confirmed = hidden(preview.text)
    for said in ({}, {"confirmed": "3"}, {"confirmed": ""}, {"counted": "1", "confirmed": "1"}):
        refused = await send(admin, "/batches", **{**confirmed, **said}, reason="our failure")
        assert refused.status_code == 400
        assert "our failure" in refused.text
    assert (await send(admin, "/batches", **confirmed, confirmed="2")).status_code == 400, "without a reason"
    assert await used_of(books, people) == [40, 40, 0]
    done = await send(admin, "/batches", **confirmed, confirmed="2", reason="our failure")
    assert done.status_code == 303, done.text
    assert await used_of(books, people) == [0, 0, 0]
    again = await send(admin, "/batches", **confirmed, confirmed="2", reason="our failure")
    assert again.headers["location"] == done.headers["location"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "credits", "tokens": ""}, "Fill this in."),
        ({"kind": "credits", "tokens": "0"}, "too small"),
        ({"kind": "credits", "tokens": "5", "expires": "2020-01-01"}, "is over"),
        ({"kind": "plan", "to_plan": "none"}, "There is no plan"),
        ({"kind": "message", "text": "", "chat": "on"}, "Fill this in."),
        ({"kind": "message", "text": "x" * 1001, "chat": "on"}, "too long"),
        ({"kind": "message", "text": "hello"}, "Choose at least one."),
        ({"kind": "suspend", "told": "a\x01b"}, "too long"),
        ({"kind": "erase"}, "Choose what is to be done."),
        ({"kind": "credits", "tokens": "5", "account": "nonsense"}, "Nothing was changed."),
    ],
)
async def test_what_cannot_be_is_said_before_anything_happens(
    admin: httpx.AsyncClient, people: list[AccountId], wrong: dict[str, str], said: str
) -> None:
    answer = await send(admin, "/batches/preview", **{"account": people[0], **wrong})
    assert answer.status_code == 400
    assert said in unescape(answer.text)


async def test_nothing_happens_without_a_reason(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId]
) -> None:
    confirmed = await previewed(admin, kind="credits", tokens="5", account=people)
    answer = await send(admin, "/batches", **confirmed, reason="")
    assert answer.status_code == 400
    assert "Fill this in." in answer.text
    assert hidden(answer.text) == confirmed
    assert await credits_of(books, people) == [0, 0, 0]


async def test_who_ticks_nothing_is_told_so_on_the_same_list(admin: httpx.AsyncClient) -> None:
    answer = await send(admin, "/batches/new", kind="credits", status="suspended")
    assert answer.headers["location"] == f"{ADMIN}/accounts?status=suspended&done=nothing_ticked"
    assert "Tick the accounts first" in (await admin.get(answer.headers["location"])).text


async def test_what_is_left_is_done_by_going_on(
    admin: httpx.AsyncClient, books: PostgresLedger, people: list[AccountId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solaris_hooks.web.admin.bulk.SECONDS", 0.0)
    confirmed = await previewed(admin, kind="credits", tokens="9", account=people)
    result = (await send(admin, "/batches", **confirmed, reason="r")).headers["location"]
    assert "2 accounts wait." in (await admin.get(result)).text
    for _ in range(2):
        await send(admin, f"{result.removeprefix(ADMIN)}/go-on")
    assert "Everything is done." in (await admin.get(result)).text
    assert await credits_of(books, people) == [9, 9, 9]


async def test_readers_see_what_was_done_and_do_nothing(browser: httpx.AsyncClient, people: list[AccountId]) -> None:
    await signed_in(browser, "sk-operator")
    assert (await browser.get(f"{ADMIN}/batches")).status_code == 200
    for path in ("/batches/new", "/batches/preview", "/batches", f"/batches/{uuid4()}/go-on"):
        assert (await send(browser, path, kind="credits", tokens="5", account=people)).status_code == 403
    assert (await browser.get(f"{ADMIN}/batches/{uuid4()}")).status_code == 404
    assert (await browser.get(f"{ADMIN}/batches/none")).status_code == 404
