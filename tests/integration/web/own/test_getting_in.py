"""Who gets to a statement."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.sessions import WINDOW
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings, UnknownUsers
from solaris_hooks.web.api import mount
from solaris_hooks.web.pages.door import COOKIE
from solaris_hooks.web.pages.sign_in import MOST_FAILURES
from solaris_hooks.web.site import build_site
from tests.integration.ledger.world import Clock
from tests.integration.web.asking import signed_in
from tests.integration.web.conftest import SECRETS

from .entering import FORMS, ME, PAGES, Keys, another, entered, link_of


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_session_every_page_asks_to_sign_in(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(f"{ME}{path}")
    assert answer.status_code == 401
    assert "Your virtual key" in answer.text
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", FORMS)
async def test_without_a_session_no_form_is_taken(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.post(f"{ME}{path}", data={"form_token": "0" * 64})).status_code == 401


async def test_a_key_opens_the_account_that_it_pays_from_and_is_seen_nowhere(
    browser: httpx.AsyncClient, name: str
) -> None:
    await entered(browser, name)
    assert f"sk-user-{name}" not in str(browser.cookies.get(COOKIE))
    page = await browser.get(ME)
    assert page.status_code == 200
    assert f"{name}@example.org" in page.text
    assert "sk-user-" not in page.text


async def test_its_cookie_goes_to_these_pages_alone(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.post(f"{ME}/sign-in", data={"key": f"sk-user-{name}"})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=strict", f"Path={ME}"} <= set(cookie.split("; "))


async def test_over_https_it_travels_over_https_alone(books: PostgresLedger, settings: Settings, name: str) -> None:
    site = build_site(
        books, Keys(), settings.model_copy(update={"public_url": "https://tokens.example"}), secrets=SECRETS
    )
    app = FastAPI()
    mount(app, site.app)
    async with another(app) as browser:
        answer = await browser.post(f"{ME}/sign-in", data={"key": f"sk-user-{name}"})
        assert "Secure" in answer.headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk-guess", "not known here"),
        ("", "not known here"),
        ("schlüssel", "not known here"),
        ("a\nb", "not known here"),
        ("x" * 2000, "not known here"),
        ("sk-master", "pays from no account"),
    ],
)
async def test_other_keys_open_nothing(browser: httpx.AsyncClient, clock: Clock, key: str, said: str) -> None:
    clock.now += dt.timedelta(days=400)
    answer = await browser.post(f"{ME}/sign-in", data={"key": key})
    assert answer.status_code == 403
    assert said in answer.text
    assert "set-cookie" not in answer.headers
    assert key not in answer.text or not key.strip()


async def test_a_key_without_an_account_opens_nothing_where_accounts_are_not_made_at_sight(
    books: PostgresLedger, settings: Settings, name: str
) -> None:
    closed = settings.model_copy(update={"unknown_users": UnknownUsers.REFUSE})
    app = FastAPI()
    mount(app, build_site(books, Keys(), closed, secrets=SECRETS).app)
    async with another(app) as browser:
        answer = await browser.post(f"{ME}/sign-in", data={"key": f"sk-user-{name}"})
        assert (answer.status_code, "no account for this key" in answer.text) == (403, True)
    assert await books.account(AccountId(f"user:{name}")) is None


async def test_failed_attempts_are_bounded_for_a_while_and_not_counted_with_administrators(
    browser: httpx.AsyncClient, clock: Clock, name: str
) -> None:
    clock.now += dt.timedelta(days=800)  # a window of this test's own
    for _ in range(MOST_FAILURES):
        assert (await browser.post(f"{ME}/sign-in", data={"key": "sk-guess"})).status_code == 403
    late = await browser.post(f"{ME}/sign-in", data={"key": f"sk-user-{name}"})
    assert (late.status_code, "15 minutes" in late.text) == (429, True)
    await signed_in(browser)
    clock.now += WINDOW
    await entered(browser, name)


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}]
)
async def test_no_other_site_signs_anybody_in_or_changes_his_look(
    browser: httpx.AsyncClient, name: str, headers: dict[str, str]
) -> None:
    for path, form in (("/sign-in", {"key": f"sk-user-{name}"}), ("/look", {"theme": "dark"})):
        answer = await browser.post(f"{ME}{path}", data=form, headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_whoever_comes_from_another_site_is_led_on_from_here(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(f"{ME}/settings?x=%22%3E%3Cscript%3E", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert f'content="0;url={ME}/settings"' in answer.text


async def test_a_link_that_is_no_longer_good_says_so_to_whoever_comes_from_the_chat(
    browser: httpx.AsyncClient, name: str
) -> None:
    answer = await browser.get(link_of(name, secrets=["x"]), headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, "was used before" in answer.text) == (403, True)


async def test_while_litellm_cannot_check_keys_nothing_is_shown_and_no_session_is_lost(
    browser: httpx.AsyncClient, keys: Keys, name: str
) -> None:
    await entered(browser, name)
    keys.away = True
    answer = await browser.get(ME)
    assert answer.status_code == 503
    assert f"{name}@example.org" not in answer.text
    assert (await browser.post(f"{ME}/sign-in", data={"key": f"sk-user-{name}"})).status_code == 503
    keys.away = False
    assert (await browser.get(ME)).status_code == 200
