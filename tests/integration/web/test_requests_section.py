"""Requests for credits on the pages: who waits, what he has, and that each is decided once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.credit_requests import CreditRequest, RequestState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import CreditPackage, CreditRequestLimits
from solaris_hooks.web.admin.requests import PAGE
from tests.integration.web.asking import ADMIN, send, signed_in

LARGE = CreditPackage(name="large", tokens=500_000, price=Decimal("29.90"), currency="BRL")
LIMITS = CreditRequestLimits(open_limit=1000, per_day=1000)


@pytest.fixture
def asking(books: PostgresLedger) -> CreditRequests:
    return CreditRequests(books.requests, limits=LIMITS, packages=[LARGE])


async def somebody(books: PostgresLedger, name: str = "Ana") -> AccountId:
    account_id = AccountId(f"user:{uuid4().hex[:12]}")
    await books.put_account(account_id, AccountChange(name=name), actor="admin:root")
    return account_id


@pytest.fixture
async def asked(books: PostgresLedger, asking: CreditRequests) -> CreditRequest:
    """A request of somebody with a name that is markup."""
    who = await somebody(books, name="Iara <b>& Filhos</b>")
    return await asking.request(who, 250_000, "fim de <i>mês</i>", actor=who)


def address(request: CreditRequest, action: str = "") -> str:
    return f"/requests/{request.request_id}{action}"


async def test_the_queue_shows_who_waits_with_what_he_has_used(
    admin: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest
) -> None:
    page = (await admin.get(f"{ADMIN}/requests?place={asked.number - 1}")).text
    assert "250,000" in page
    assert "Iara &lt;b&gt;&amp; Filhos&lt;/b&gt;" in page
    assert "fim de &lt;i&gt;mês&lt;/i&gt;" in page
    account = await books.account(asked.account_id)
    assert account is not None
    assert f'value="{account.balance.use_percent}" aria-label="Used of what was granted"' in page
    assert f"{ADMIN}/requests/{asked.request_id}" in page


async def test_a_package_is_shown_with_the_price_of_that_day(
    admin: httpx.AsyncClient, books: PostgresLedger, asking: CreditRequests
) -> None:
    who = await somebody(books)
    request = await asking.request(who, None, "mais", package="large", actor=who)
    for path in (f"/requests?state=all&place={request.number + 1}", address(request)):
        assert "large · R$29.90" in (await admin.get(f"{ADMIN}{path}")).text


async def test_the_queue_is_paged_oldest_first_and_the_rest_newest_first(
    admin: httpx.AsyncClient, books: PostgresLedger, asking: CreditRequests
) -> None:
    who = await somebody(books)
    made = [await asking.request(who, 1000 + n, f"r{n}", actor=who) for n in range(PAGE + 1)]
    first = (await admin.get(f"{ADMIN}/requests?place={made[0].number - 1}")).text
    assert first.index(str(made[0].request_id)) < first.index(str(made[1].request_id))
    assert str(made[-1].request_id) not in first
    assert f"place={made[PAGE - 1].number}" in first
    last = (await admin.get(f"{ADMIN}/requests?place={made[PAGE - 1].number}")).text
    assert str(made[-1].request_id) in last
    everything = (await admin.get(f"{ADMIN}/requests?state=all")).text
    assert everything.index(str(made[-1].request_id)) < everything.index(str(made[-2].request_id))
    assert f"place={made[1].number}" in everything


async def test_a_script_gets_the_list_alone(admin: httpx.AsyncClient) -> None:
    piece = await admin.get(f"{ADMIN}/requests?state=cancelled", headers={"hx-request": "true"})
    assert piece.status_code == 200
    assert "<html" not in piece.text


@pytest.mark.parametrize("said", ["nonsense", "<b>"])
async def test_a_state_that_there_is_not_shows_all(admin: httpx.AsyncClient, said: str) -> None:
    page = await admin.get(f"{ADMIN}/requests", params={"state": said, "place": "-3"})
    assert page.status_code == 200
    assert said not in page.text
    assert 'aria-current="page">All<' in page.text


async def test_approving_grants_what_was_asked_for_with_the_message_and_the_end(
    admin: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest
) -> None:
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    answer = await send(
        admin, address(asked, "/approve"), tokens="250.000", expires=until.isoformat(), reason="bom trabalho"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ADMIN}/requests?done=approved")
    decided = await books.requests.get(asked.request_id)
    assert decided is not None
    assert (decided.state, decided.granted_tokens) == (RequestState.APPROVED, 250_000)
    assert (decided.decided_by, decided.decision_reason) == ("admin:boss", "bom trabalho")
    account = await books.account(asked.account_id)
    assert account is not None
    (lot,) = account.lots
    assert lot.tokens == 250_000
    # The end of the day in the zone of the settings, three hours behind UTC.
    assert lot.expires_at == dt.datetime.combine(until + dt.timedelta(days=1), dt.time(3), dt.UTC)
    assert "approved" in (await admin.get(f"{ADMIN}{address(asked)}")).text


async def test_another_number_of_tokens_can_be_granted(
    admin: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest
) -> None:
    await send(admin, address(asked, "/approve"), tokens="1 000", expires="", reason="")
    decided = await books.requests.get(asked.request_id)
    assert decided is not None
    assert (decided.granted_tokens, decided.decision_reason) == (1000, None)


async def test_rejecting_says_why(admin: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest) -> None:
    without = await send(admin, address(asked, "/reject"), why="  ")
    assert (without.status_code, "Fill this in." in without.text) == (400, True)
    answer = await send(admin, address(asked, "/reject"), why="renova amanhã")
    assert answer.headers["location"] == f"{ADMIN}/requests?done=rejected"
    decided = await books.requests.get(asked.request_id)
    assert decided is not None
    assert (decided.state, decided.decision_reason) == (RequestState.REJECTED, "renova amanhã")


async def test_nothing_is_decided_twice(admin: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest) -> None:
    for _ in range(2):  # a double click
        answer = await send(admin, address(asked, "/approve"), tokens="250000", expires="", reason="sim")
        assert answer.status_code == 303
    account = await books.account(asked.account_id)
    assert account is not None
    assert account.balance.credits_remaining == 250_000
    for action, fields in (("/reject", {"why": "não"}), ("/approve", {"tokens": "7", "expires": "", "reason": ""})):
        answer = await send(admin, address(asked, action), **fields)
        assert answer.status_code == 409
        assert "decided meanwhile" in answer.text
    account = await books.account(asked.account_id)
    assert account is not None
    assert account.balance.credits_remaining == 250_000


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tokens": "", "expires": ""}, "Fill this in."),
        ({"tokens": "0", "expires": ""}, "This number is too small."),
        ({"tokens": "12.5", "expires": ""}, "Write a whole number"),
        ({"tokens": "-5", "expires": ""}, "Write a whole number"),
        ({"tokens": "9" * 50, "expires": ""}, "This number is too large."),
        ({"tokens": "1", "expires": "yesterday"}, "Write a day that exists."),
        ({"tokens": "1", "expires": "9999-12-31"}, "Write a day that exists."),
        ({"tokens": "1", "expires": "2020-01-01"}, "This day is over."),
    ],
)
async def test_what_cannot_be_is_said_beside_its_field_and_kept(
    admin: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest, fields: dict[str, str], said: str
) -> None:
    answer = await send(admin, address(asked, "/approve"), **fields, reason="<palavras>")
    assert answer.status_code == 400
    assert said in answer.text
    assert f'value="{fields["tokens"]}"' in answer.text
    assert 'value="&lt;palavras&gt;"' in answer.text
    request = await books.requests.get(asked.request_id)
    assert request is not None
    assert request.state is RequestState.REQUESTED


@pytest.mark.parametrize("key", ["sk-operator", "sk-auditor"])
async def test_who_may_only_read_is_offered_nothing_and_decides_nothing(
    browser: httpx.AsyncClient, books: PostgresLedger, asked: CreditRequest, key: str
) -> None:
    await signed_in(browser, key)
    page = await browser.get(f"{ADMIN}{address(asked)}")
    assert page.status_code == 200
    assert "/approve" not in page.text
    refused = await send(browser, address(asked, "/approve"), tokens="1", expires="", reason="")
    assert refused.status_code == 403
    request = await books.requests.get(asked.request_id)
    assert request is not None
    assert request.state is RequestState.REQUESTED


@pytest.mark.parametrize("request_id", ["nonsense", "00000000-0000-7000-8000-000000000000", "%2F"])
async def test_a_request_that_there_is_not(admin: httpx.AsyncClient, request_id: str) -> None:
    assert (await admin.get(f"{ADMIN}/requests/{request_id}")).status_code == 404
