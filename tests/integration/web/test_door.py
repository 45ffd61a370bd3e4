"""Who gets into the admin interface, for how long, and whose forms are taken."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.sessions import GRACE, IDLE, LONGEST, ROTATE_AFTER, WINDOW
from solaris_hooks.web.admin.door import COOKIE
from solaris_hooks.web.admin.sign_in import MOST_FAILURES
from tests.integration.ledger.world import Clock
from tests.integration.web.asking import ADMIN, form_token, send, signed_in
from tests.unit.web.asking import ROLES

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def books(web_url: str, clock: Clock) -> AsyncIterator[PostgresLedger]:
    """Books whose time only tests move."""
    async with PostgresLedger.connect(web_url, now=clock) as ledger:
        yield ledger


def wait(clock: Clock, time: dt.timedelta) -> None:
    clock.now += time


def another(host: FastAPI, client: httpx.AsyncClient | None = None) -> httpx.AsyncClient:
    """Another browser; with the cookies of one, if given."""
    made = httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy")
    if client is not None:
        made.cookies = httpx.Cookies(client.cookies)
    return made


async def test_without_a_session_every_page_leads_to_signing_in(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{ADMIN}?done=saved")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{ADMIN}/sign-in?next=%2Fadmin%3Fdone%3Dsaved"
    piece = await browser.get(ADMIN, headers={"hx-request": "true"})
    assert (piece.status_code, piece.headers["hx-redirect"]) == (401, f"{ADMIN}/sign-in")


async def test_signing_in_opens_the_page_that_was_asked_for(browser: httpx.AsyncClient) -> None:
    answer = await browser.post(f"{ADMIN}/sign-in", data={"key": " sk-admin ", "next": "/admin?done=saved"})
    assert answer.headers["location"] == f"{ADMIN}?done=saved"
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=strict", f"Path={ADMIN}"} <= set(cookie.split("; "))
    assert "sk-admin" not in cookie
    page = await browser.get(ADMIN)
    assert page.status_code == 200
    assert "Super-administrator" in page.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/admin//evil.example",
        "/\\evil.example",
        "/adminevil",
        "/admin/\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "/v1/models",
    ],
)
async def test_signing_in_leads_nowhere_else(browser: httpx.AsyncClient, elsewhere: str) -> None:
    answer = await browser.post(f"{ADMIN}/sign-in", data={"key": "sk-admin", "next": elsewhere})
    assert answer.headers["location"] == ADMIN


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk-nobody", "no administrator"),
        ("sk-user-maria", "no administrator"),
        ("", "does not know"),
        ("schlüssel", "does not know"),
        ("a\nb", "does not know"),
        ("x" * 2000, "does not know"),
    ],
)
async def test_other_keys_open_nothing(browser: httpx.AsyncClient, key: str, said: str) -> None:
    answer = await browser.post(f"{ADMIN}/sign-in", data={"key": key})
    assert answer.status_code == 403
    assert said in answer.text
    assert "set-cookie" not in answer.headers


async def test_the_session_of_litellm_s_own_interface_is_enough(browser: httpx.AsyncClient) -> None:
    assert "Continue with the session" not in (await browser.get(f"{ADMIN}/sign-in")).text
    without = await browser.post(f"{ADMIN}/sign-in", data={"with": "litellm"})
    assert (without.status_code, "no session of LiteLLM" in without.text) == (403, True)
    browser.cookies.set("token", "sk-plain-admin")
    assert "Continue with the session" in (await browser.get(f"{ADMIN}/sign-in")).text
    assert (await browser.post(f"{ADMIN}/sign-in", data={"with": "litellm"})).status_code == 303
    assert "Administrator" in (await browser.get(ADMIN)).text


async def test_failed_attempts_are_bounded_for_a_while(browser: httpx.AsyncClient, clock: Clock) -> None:
    wait(clock, dt.timedelta(days=40))  # a window of this test's own
    for _ in range(MOST_FAILURES):
        assert (await browser.post(f"{ADMIN}/sign-in", data={"key": "sk-guess"})).status_code == 403
    late = await browser.post(f"{ADMIN}/sign-in", data={"key": "sk-admin"})
    assert (late.status_code, "15 minutes" in late.text) == (429, True)
    wait(clock, WINDOW)
    assert (await browser.post(f"{ADMIN}/sign-in", data={"key": "sk-admin"})).status_code == 303


async def test_a_session_ends_when_nobody_uses_it_and_after_its_longest_time(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    await signed_in(browser)
    wait(clock, IDLE - SECOND)
    assert (await browser.get(ADMIN)).status_code == 200
    wait(clock, IDLE + SECOND)
    ended = await browser.get(ADMIN)
    assert "ended=1" in ended.headers["location"]
    await signed_in(browser)
    for _ in range(int(LONGEST / (IDLE / 2)) - 1):
        wait(clock, IDLE / 2)
        assert (await browser.get(ADMIN)).status_code == 200
    wait(clock, IDLE / 2 + SECOND)
    assert (await browser.get(ADMIN)).status_code == 303


async def test_its_token_is_exchanged_and_a_copy_of_the_old_one_ends_it(
    browser: httpx.AsyncClient, host: FastAPI, clock: Clock
) -> None:
    await signed_in(browser)
    async with another(host, browser) as thief:
        wait(clock, ROTATE_AFTER + SECOND)
        exchanged = await browser.get(ADMIN)
        assert COOKIE in exchanged.headers["set-cookie"]
        assert (await thief.get(ADMIN)).status_code == 200, (
            "for a while: the browser may ask for several things at once"
        )
        wait(clock, GRACE + SECOND)
        assert (await browser.get(ADMIN)).status_code == 200
        assert (await thief.get(ADMIN)).status_code == 303
        assert (await browser.get(ADMIN)).status_code == 303, "nobody can tell who of the two the owner is"


async def test_signing_in_again_leaves_no_session_behind(browser: httpx.AsyncClient, host: FastAPI) -> None:
    await signed_in(browser)
    async with another(host, browser) as before:
        await signed_in(browser)
        assert before.cookies != browser.cookies
        assert (await before.get(ADMIN)).status_code == 303
        assert (await browser.get(ADMIN)).status_code == 200


async def test_signing_out_ends_this_session_and_everywhere_ends_all(browser: httpx.AsyncClient, host: FastAPI) -> None:
    await signed_in(browser)
    async with another(host) as phone, another(host, browser) as copy:
        await signed_in(phone)
        assert (await send(browser, "/sign-out")).headers["location"] == f"{ADMIN}/sign-in?out=1"
        assert (await copy.get(ADMIN)).status_code == 303
        assert (await phone.get(ADMIN)).status_code == 200
        await signed_in(browser)
        await send(browser, "/sign-out-everywhere")
        assert (await phone.get(ADMIN)).status_code == 303


async def test_cookies_that_we_did_not_seal_are_nobody_s(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    sealed = str(browser.cookies.get(COOKIE))
    for forged in ("", "x", sealed[:-4] + "AAAA", sealed[::-1], "é" * 40):
        answer = await browser.get(ADMIN, headers={b"cookie": f"{COOKIE}={forged}".encode()})
        assert answer.status_code == 303, forged


async def test_whoever_loses_his_rights_in_litellm_loses_the_session(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed_in(browser, "sk-operator")
    assert (await browser.get(ADMIN)).status_code == 200
    monkeypatch.delitem(ROLES, "sk-operator")
    assert "ended=1" in (await browser.get(ADMIN)).headers["location"]


async def test_forms_need_this_session_s_token(browser: httpx.AsyncClient, host: FastAPI) -> None:
    await signed_in(browser)
    async with another(host) as other:
        await signed_in(other)
        foreign = form_token((await other.get(ADMIN)).text)
    for said in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": foreign}, {"form_token": "é"}):
        answer = await browser.post(f"{ADMIN}/sign-out-everywhere", data=said)
        assert answer.status_code == 403
    assert (await browser.get(ADMIN)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_forms_from_other_sites_are_refused_even_with_the_token(
    browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    await signed_in(browser)
    token = form_token((await browser.get(ADMIN)).text)
    answer = await browser.post(f"{ADMIN}/sign-out-everywhere", data={"form_token": token}, headers=headers)
    assert answer.status_code == 403
    assert (await browser.post(f"{ADMIN}/sign-in", data={"key": "sk-admin"}, headers=headers)).status_code == 403


async def test_forms_that_are_too_large_are_refused(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    large = await browser.post(f"{ADMIN}/sign-out", data={"form_token": "x" * 100_000})
    many = await browser.post(f"{ADMIN}/sign-out", data={f"f{n}": "" for n in range(2100)})
    assert (large.status_code, many.status_code) == (400, 400)
    assert (await browser.get(ADMIN)).status_code == 200


async def test_from_a_link_on_another_site_the_browser_is_led_on(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{ADMIN}?done=saved", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert f'content="0;url={ADMIN}?done=saved"' in answer.text


async def test_pages_run_no_foreign_scripts_and_are_framed_by_this_site_alone(admin: httpx.AsyncClient) -> None:
    page = await admin.get(ADMIN)
    policy = page.headers["content-security-policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'self'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=)|style=|\son\w+=", page.text)
    for name in re.findall(r'(?:src|href)="(/solaris/static/[^"]+)"', page.text):
        assert (await admin.get(name)).status_code == 200


async def test_language_and_colours_are_chosen_by_the_reader(browser: httpx.AsyncClient) -> None:
    portuguese = await browser.get(f"{ADMIN}/sign-in", headers={"accept-language": "pt-BR,en;q=0.5"})
    assert "Chave de administrador" in portuguese.text
    chosen = await browser.post(f"{ADMIN}/look", data={"theme": "dark", "language": "pt_BR", "next": "/admin/sign-in"})
    assert chosen.headers["location"] == f"{ADMIN}/sign-in"
    page = (await browser.get(f"{ADMIN}/sign-in", headers={"accept-language": "en"})).text
    assert '<html lang="pt-BR" data-theme="dark">' in page
    await browser.post(f"{ADMIN}/look", data={"theme": "<b>", "language": "xx"})
    assert 'data-theme="dark"' in (await browser.get(f"{ADMIN}/sign-in")).text


async def test_litellm_s_own_interface_finds_the_page_with_a_slash_at_its_end(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{ADMIN}/")
    assert (answer.status_code, answer.headers["location"]) == (308, ADMIN)
