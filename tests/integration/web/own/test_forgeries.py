"""Sessions, links and forms that somebody made up, and pages that are never another's."""

from __future__ import annotations

import re
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import CreditRequestLimits
from solaris_hooks.web.admin.door import COOKIE as ADMIN_COOKIE
from solaris_hooks.web.asgi import MAX_BODY_BYTES
from solaris_hooks.web.links import Tickets
from solaris_hooks.web.pages.door import COOKIE
from solaris_hooks.web.seals import Badge, Seals
from tests.integration.web.asking import signed_in
from tests.integration.web.conftest import SECRETS

from .entering import FORMS, ME, PAGES, another, entered, link_of, token_of


async def test_cookies_that_we_did_not_seal_or_for_another_door_are_nobody_s(
    browser: httpx.AsyncClient, host: FastAPI, name: str
) -> None:
    await entered(browser, name)
    sealed = str(browser.cookies.get(COOKIE))
    made_up = Badge.new(f"sk-user-{name}")
    foreign = [
        Seals(["another secret"], "statement").seal(made_up),
        Seals(SECRETS, "admin").seal(made_up),
        Seals(SECRETS, "statement").seal(made_up),  # ours, but of no session
        Tickets(SECRETS, "statement", lifetime_seconds=900).write(AccountId(f"user:{name}")),
    ]
    async with another(host) as fresh:
        for forged in ("", "x", sealed[:-4] + "AAAA", sealed[::-1], "é" * 40, *foreign):
            answer = await fresh.get(ME, headers={b"cookie": f"{COOKIE}={forged}".encode()})
            assert answer.status_code == 401, forged
        own = await fresh.get("/solaris/admin", headers={"cookie": f"{ADMIN_COOKIE}={sealed}"})
        assert own.status_code == 303, "a user's cookie opens nothing of administrators"
        await signed_in(fresh)
        theirs = str(fresh.cookies.get(ADMIN_COOKIE))
        assert (await fresh.get(ME, headers={"cookie": f"{COOKIE}={theirs}"})).status_code == 401


async def test_links_that_are_forged_replayed_or_for_something_else_open_nothing(
    browser: httpx.AsyncClient, host: FastAPI, books: PostgresLedger, name: str
) -> None:
    await books.put_account(AccountId(f"user:{name}"), AccountChange(), actor="admin:a")
    link = link_of(name)
    assert (await browser.get(link)).status_code == 200
    async with another(host) as thief:
        for each in (link, link_of(name, purpose="session"), link_of(name, secrets=["x"]), link_of("nobody-at-all")):
            answer = await thief.get(each)
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), each
            assert (await thief.get(ME)).status_code == 401


@pytest.mark.parametrize("path", FORMS)
async def test_forms_need_this_session_s_token_from_this_site(
    browser: httpx.AsyncClient, host: FastAPI, name: str, path: str
) -> None:
    await entered(browser, name)
    async with another(host) as other:
        await entered(other, f"{name}-bia")
        foreign = await token_of(other)
    own = await token_of(browser)
    for said in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": foreign}, {"form_token": "é"}):
        assert (await browser.post(f"{ME}{path}", data={"locale": "pt_BR", **said})).status_code == 403, said
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await browser.post(f"{ME}{path}", data={"form_token": own, "locale": "pt_BR"}, headers=headers)
        assert answer.status_code == 403
    assert (await browser.get(ME)).status_code == 200, "nothing has signed out"
    assert await token_of(browser) == own


async def test_the_requests_of_others_are_as_if_they_were_not_there(
    browser: httpx.AsyncClient, books: PostgresLedger, name: str
) -> None:
    bia = AccountId(f"user:{name}-bia")
    await books.put_account(bia, AccountChange(), actor="admin:a")
    asking = CreditRequests(books.requests, limits=CreditRequestLimits())
    theirs = await asking.request(bia, 5, "para mim", actor=bia)
    await entered(browser, name)
    token = await token_of(browser)
    answers = [
        await browser.post(f"{ME}/requests/{each}/cancel", data={"form_token": token})
        for each in (theirs.request_id, uuid4(), "1", "x" * 300, "..%2F..", theirs.request_id.int)
    ]
    assert {each.status_code for each in answers} == {404}
    assert len({each.text for each in answers}) == 1, "nobody learns which of them is somebody's"
    assert (await asking.existing(theirs.request_id)).state is RequestState.REQUESTED


async def test_no_address_or_field_names_an_account(
    browser: httpx.AsyncClient, books: PostgresLedger, name: str
) -> None:
    bia = AccountId(f"user:{name}-bia")
    await books.put_account(bia, AccountChange(name="Bia Secreta"), actor="admin:a")
    await books.grant_credits(Grant(bia, 777_777, "de Bia", "admin:a", "k"))
    await entered(browser, name)
    for path in PAGES:
        for query in (f"account={bia}", f"account_id={bia}", f"user={bia}"):
            page = await browser.get(f"{ME}{path}{'&' if '?' in path else '?'}{query}", headers={"x-account": bia})
            assert page.status_code == 200, path
            for secret in ("Bia", "777,777", "777777"):
                assert secret not in page.text, path
            for address in re.findall(r'(?:href|action|hx-get|src)="([^"]*)"', page.text):
                assert name not in address
                assert "user:" not in address
    token = await token_of(browser)
    body = {"form_token": token, "account_id": bia, "tokens": "5", "reason": "x", "package": ""}
    assert (await browser.post(f"{ME}/requests", data=body)).status_code == 303
    assert await books.requests.find(account_id=bia) == []
    assert len(await books.requests.find(account_id=AccountId(f"user:{name}"))) == 1


async def test_asking_once_with_the_same_words_as_another_is_a_request_of_one_s_own(
    browser: httpx.AsyncClient, host: FastAPI, books: PostgresLedger, name: str
) -> None:
    """What keeps a double click from asking twice is chosen by the browser: it must reach nobody else's request."""
    async with another(host) as other:
        for client, who in ((browser, name), (other, f"{name}-bia")):
            await entered(client, who)
            said = {"form_token": await token_of(client), "tokens": "5", "reason": f"de {who}", "once": "same"}
            assert (await client.post(f"{ME}/requests", data=said)).status_code == 303
        assert f"de {name}-bia" not in (await browser.get(ME)).text
    (own,) = await books.requests.find(account_id=AccountId(f"user:{name}"))
    assert own.reason == f"de {name}"


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_of_it_is_kept_by_caches(browser: httpx.AsyncClient, name: str, path: str) -> None:
    await entered(browser, name)
    answer = await browser.get(f"{ME}{path}")
    assert answer.status_code == 200
    assert set(answer.headers["cache-control"].split(", ")) == {"no-store"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("before", ["0", "-1", "1.5", "x", "9" * 30, "1;drop", "", "\N{FULLWIDTH DIGIT ONE}"])
async def test_pages_of_entries_that_cannot_be_are_refused_in_words(
    browser: httpx.AsyncClient, name: str, before: str
) -> None:
    await entered(browser, name)
    answer = await browser.get(f"{ME}/entries", params={"before": before})
    assert answer.status_code == 400
    assert "<h1>Não deu certo</h1>" in answer.text


async def test_forms_that_say_too_much_are_not_read(browser: httpx.AsyncClient, name: str) -> None:
    await entered(browser, name)
    token = await token_of(browser)
    long = {"form_token": token, "reason": "x" * MAX_BODY_BYTES, "tokens": "5"}
    many = {"form_token": token, **{f"f{n}": "1" for n in range(100)}}
    for form in (long, many):
        answer = await browser.post(f"{ME}/requests", data=form)
        assert (answer.status_code, "não pode ser lido" in answer.text) == (400, True)
    files = await browser.post(f"{ME}/requests", data={"form_token": token}, files={"reason": b"x"})
    assert files.status_code == 400


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/me/../admin", "/me\r\nset-cookie: a=b", "/admin", "/me?x=1"]
)
async def test_changing_the_look_leads_nowhere_else(browser: httpx.AsyncClient, back: str) -> None:
    answer = await browser.post(f"{ME}/look", data={"theme": "dark", "next": back})
    assert (answer.status_code, answer.headers["location"]) == (303, ME)
    assert [each.partition("=")[0] for each in answer.headers.get_list("set-cookie")] == ["solaris_theme"]


async def test_looks_that_there_are_not_are_not_kept(browser: httpx.AsyncClient) -> None:
    answer = await browser.post(f"{ME}/look", data={"theme": "x; path=/", "language": "xx", "next": "/me/sign-in"})
    assert answer.headers["location"] == f"{ME}/sign-in"
    assert "set-cookie" not in answer.headers


async def test_somebody_unknown_reads_his_browser_s_language_or_the_one_he_chose(browser: httpx.AsyncClient) -> None:
    spoken = {"accept-language": "pt-PT,pt;q=0.9"}
    assert '<html lang="pt-BR" data-theme="auto">' in (await browser.get(f"{ME}/sign-in", headers=spoken)).text
    await browser.post(f"{ME}/look", data={"language": "en", "theme": "dark", "next": "/me/sign-in"})
    assert '<html lang="en" data-theme="dark">' in (await browser.get(f"{ME}/sign-in", headers=spoken)).text
