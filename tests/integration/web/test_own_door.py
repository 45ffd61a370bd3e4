"""Who gets to a statement, for how long, and that it is never another's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant
from solaris_hooks.ledger.sessions import GRACE, IDLE, ROTATE_AFTER, WINDOW
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.settings import CreditRequestLimits, Settings, UnknownUsers
from solaris_hooks.web.access import AuthenticationUnavailableError, ForbiddenError, Holder, UnauthenticatedError
from solaris_hooks.web.admin.door import COOKIE as ADMIN_COOKIE
from solaris_hooks.web.api import mount
from solaris_hooks.web.asgi import MAX_BODY_BYTES
from solaris_hooks.web.links import Tickets
from solaris_hooks.web.pages.door import COOKIE, LONGEST_BY_LINK
from solaris_hooks.web.pages.sign_in import MOST_FAILURES
from solaris_hooks.web.seals import Badge, Seals
from solaris_hooks.web.site import build_site
from tests.integration.ledger.world import Clock
from tests.integration.web.asking import form_token, signed_in
from tests.integration.web.conftest import SECRETS
from tests.unit.web.asking import FakeAuthenticator

ME = "/solaris/me"
PAGES = (
    "",
    "/entries",
    "/entries?before=2",
    "/refusals",
    "/settings",
    "/refusals.csv",
    "/refusals.xlsx",
    "/entries.csv",
    "/entries.xlsx",
    "/usage.csv",
    "/usage.xlsx",
    "/data.json",
)
CANCEL = "/requests/7d309d8d-7fca-45e6-82a9-f7fa34cf8895/cancel"
FORMS = ("/requests", "/settings", "/leave", "/leave-everywhere", CANCEL)
SECOND = dt.timedelta(seconds=1)


class Keys(FakeAuthenticator):
    """Keys that tests revoke or give to somebody else, checked by somebody who may be away."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.given: dict[str, AccountId] = {}
        self.away = False

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        if self.away:
            raise AuthenticationUnavailableError
        if key in self.revoked:
            raise UnauthenticatedError
        if key == "sk-master":
            raise ForbiddenError
        if key in self.given:
            return Holder(self.given[key])
        return await super().holder(request, key=key)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def books(web_url: str, clock: Clock) -> AsyncIterator[PostgresLedger]:
    """Books whose time only tests move."""
    async with PostgresLedger.connect(web_url, now=clock) as ledger:
        yield ledger


@pytest.fixture
def host(books: PostgresLedger, settings: Settings, keys: Keys) -> FastAPI:
    made = FastAPI()
    mount(made, build_site(books, keys, settings, secrets=SECRETS).app)
    return made


@pytest.fixture
def name() -> str:
    """Of somebody whom no other test knows."""
    return f"ana-{uuid4().hex[:8]}"


def another(host: FastAPI, client: httpx.AsyncClient | None = None) -> httpx.AsyncClient:
    """Another browser; with the cookies of one, if given."""
    made = httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy")
    if client is not None:
        made.cookies = httpx.Cookies(client.cookies)
    return made


async def entered(client: httpx.AsyncClient, name: str) -> httpx.AsyncClient:
    """Sign in with the key of somebody."""
    answer = await client.post(f"{ME}/sign-in", data={"key": f" sk-user-{name} "})
    assert (answer.status_code, answer.headers["location"]) == (303, ME), answer.text
    return client


async def token_of(client: httpx.AsyncClient) -> str:
    return form_token((await client.get(ME)).text)


def link_of(name: str, *, purpose: str = "statement", secrets: list[str] | None = None) -> str:
    tickets = Tickets(secrets or SECRETS, purpose, lifetime_seconds=900)
    return f"{ME}?token={tickets.write(AccountId(f'user:{name}'))}"


# ------------------------------------------------------------------ getting in


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


# ------------------------------------------------------------------ how long


async def test_a_session_by_key_lives_while_it_is_used_and_one_by_link_an_hour(
    browser: httpx.AsyncClient, host: FastAPI, books: PostgresLedger, clock: Clock, name: str
) -> None:
    await books.put_account(AccountId(f"user:{name}"), AccountChange(), actor="admin:a")
    await entered(browser, name)
    async with another(host) as chat:
        assert (await chat.get(link_of(name))).status_code == 200
        for _ in range(int(LONGEST_BY_LINK / (IDLE / 2))):
            clock.now += IDLE / 2
            assert (await browser.get(ME)).status_code == 200
            assert (await chat.get(ME)).status_code == 200
        clock.now += SECOND
        ended = await chat.get(ME)
        assert (ended.status_code, "has ended" in ended.text) == (401, True)
        assert (await browser.get(ME)).status_code == 200
    clock.now += IDLE + SECOND
    assert (await browser.get(ME)).status_code == 401


async def test_a_revoked_key_ends_its_session_at_the_next_page(
    browser: httpx.AsyncClient, host: FastAPI, keys: Keys, name: str
) -> None:
    await entered(browser, name)
    keys.revoked.add(f"sk-user-{name}")
    assert (await browser.get(ME)).status_code == 401
    keys.revoked.clear()
    assert (await browser.get(ME)).status_code == 401, "it does not come back"


async def test_a_key_that_pays_from_another_account_by_now_shows_neither(
    browser: httpx.AsyncClient, keys: Keys, name: str
) -> None:
    await entered(browser, name)
    keys.given[f"sk-user-{name}"] = account_id("user:somebody-else")
    answer = await browser.get(ME)
    assert answer.status_code == 401
    assert name not in answer.text


async def test_its_token_is_exchanged_and_a_copy_of_the_old_one_ends_it(
    browser: httpx.AsyncClient, host: FastAPI, clock: Clock, name: str
) -> None:
    await entered(browser, name)
    async with another(host, browser) as thief:
        clock.now += ROTATE_AFTER + SECOND
        assert COOKIE in (await browser.get(ME)).headers["set-cookie"]
        clock.now += GRACE + SECOND
        assert (await browser.get(ME)).status_code == 200
        assert (await thief.get(ME)).status_code == 401
        assert (await browser.get(ME)).status_code == 401, "nobody can tell who of the two the owner is"


async def test_getting_in_again_leaves_no_session_behind(
    browser: httpx.AsyncClient, host: FastAPI, books: PostgresLedger, name: str
) -> None:
    await entered(browser, name)
    async with another(host, browser) as before:
        await entered(browser, name)
        assert (await before.get(ME)).status_code == 401
    async with another(host, browser) as before:
        assert (await browser.get(link_of(name))).status_code == 200
        assert (await before.get(ME)).status_code == 401
        assert (await browser.get(ME)).status_code == 200


async def test_signing_out_everywhere_ends_every_session_of_the_account_and_no_other(
    browser: httpx.AsyncClient, host: FastAPI, name: str
) -> None:
    await entered(browser, name)
    async with another(host) as phone, another(host) as chat, another(host) as bia:
        await entered(phone, name)
        assert (await chat.get(link_of(name))).status_code == 200
        await entered(bia, f"{name}-bia")
        out = await browser.post(f"{ME}/leave-everywhere", data={"form_token": await token_of(browser)})
        assert out.headers["location"] == f"{ME}/sign-in?out=1"
        assert [(await each.get(ME)).status_code for each in (browser, phone, chat, bia)] == [401, 401, 401, 200]


# ------------------------------------------------------------------ forgeries


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


# ------------------------------------------------------------------ never another's


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


# ------------------------------------------------------------------ what cannot be


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
