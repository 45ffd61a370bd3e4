"""While the database cannot be reached every page says so, and health is shown to whoever proves a key."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.routing import Mount

from deploy.local.ports import LOOPBACK
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.sessions import LONGEST
from solaris_hooks.roles import Permission
from solaris_hooks.settings import Settings
from solaris_hooks.web.access import Administrator, AuthenticationUnavailableError
from solaris_hooks.web.admin.door import COOKIE
from solaris_hooks.web.admin.sign_in import MOST_FAILURES
from solaris_hooks.web.api import mount
from solaris_hooks.web.pages.door import COOKIE as OWN_COOKIE
from solaris_hooks.web.seals import Badge, Seals
from solaris_hooks.web.site import build_site
from tests.benchmarks.page_books import Landmarks
from tests.benchmarks.rendered import Page, page_routes, pages_of
from tests.integration.web.asking import ADMIN
from tests.integration.web.conftest import SECRETS
from tests.unit.web.asking import FakeAuthenticator

OPEN = {"/admin/", "/admin/sign-in", "/me/sign-in"}
"""Pages that need no books."""

HEALTH = f"{ADMIN}/health"
MARKS = Landmarks(uuid4(), uuid4(), uuid4(), uuid4(), uuid4(), 1)
SAID = {"en": "The database cannot be reached.", "pt-BR": "O banco de dados não pode ser alcançado."}


class Breaker:
    """Open for a minute and a half."""

    open = True
    open_for = 90.5


class Keys(FakeAuthenticator):
    """Knows the master key alone, as LiteLLM does without its database."""

    async def administrator(self, request: Request, permission: Permission, *, key: str | None = None) -> Administrator:
        if key == "sk-forgotten":
            raise AuthenticationUnavailableError
        return await super().administrator(request, permission, key=key)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that takes no connections: it is bound, and nobody listens."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        yield bound.getsockname()[1]


@pytest.fixture
def away(closed_port: int, tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"postgresql://solaris:s3cret-word@{LOOPBACK}:{closed_port}/books",
        default_locale="en",
        public_url="http://proxy",
        journal_dir=str(tmp_path),
        mail={"host": LOOPBACK, "port": closed_port, "from_address": "a@example.org", "security": "none"},
    )


@pytest.fixture
async def app(away: Settings) -> AsyncIterator[FastAPI]:
    ledger = PostgresLedger(away.database_url, pool_timeout_seconds=0.1)
    app = FastAPI()
    mount(app, build_site(ledger, Keys(), away, secrets=SECRETS, breaker=Breaker()).app)
    yield app
    await ledger.close()


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://proxy") as client:
        yield client


def cookies(key: str = "sk-admin") -> dict[str, str]:
    """Sessions that began while the books were there."""
    sealed = {COOKIE: Seals(SECRETS, "admin"), OWN_COOKIE: Seals(SECRETS, "statement")}
    own = "sk-user-maria" if key == "sk-admin" else key
    said = "; ".join(
        f"{name}={seal.seal(Badge.new(own if name == OWN_COOKIE else key))}" for name, seal in sealed.items()
    )
    return {"cookie": said}


@pytest.mark.parametrize("language", SAID)
async def test_every_page_says_that_the_database_is_away(
    app: FastAPI, visitor: httpx.AsyncClient, language: str
) -> None:
    (site,) = [each.app for each in app.router.routes if isinstance(each, Mount)]
    assert isinstance(site, FastAPI)
    routes = page_routes(site.router.routes) - OPEN - {"/admin/health"}
    pages: dict[str, Page] = {each.route: each for each in pages_of(MARKS) if each.route in routes and not each.form}
    assert set(pages) == routes
    for route, page in pages.items():
        answer = await visitor.get(f"/solaris{page.path}", headers={"accept-language": language, **cookies()})
        assert answer.status_code == 503, (route, answer.text)
        assert answer.headers["content-type"].startswith("text/html"), route
        if route.startswith("/admin"):
            assert SAID[language] in answer.text, route
            assert f'href="{HEALTH}"' in answer.text, route


async def test_pages_that_need_no_books_are_there(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get(f"{ADMIN}/sign-in")).status_code == 200
    refused = await visitor.post(f"{ADMIN}/sign-in", data={"key": "sk-admin"})
    assert refused.status_code == 503
    assert f'href="{HEALTH}"' in refused.text


@pytest.mark.parametrize(("language", "words"), [("en", "takes no connections"), ("pt-BR", "não aceita conexões")])
async def test_a_session_that_began_before_sees_health(
    visitor: httpx.AsyncClient, away: Settings, closed_port: int, language: str, words: str
) -> None:
    answer = await visitor.get(HEALTH, headers={"accept-language": language, **cookies()})
    assert answer.status_code == 200, answer.text
    assert SAID[language] in answer.text
    assert f"{LOOPBACK}:{closed_port}/books" in answer.text
    assert words in answer.text, "the mail server is away, too"
    assert "90" in answer.text, "seconds for which requests do without the books"
    assert "s3cret-word" not in answer.text
    assert "set-cookie" not in answer.headers
    piece = await visitor.get(HEALTH, headers={"hx-request": "true", "accept-language": language, **cookies()})
    assert SAID[language] in piece.text
    assert "<html" not in piece.text
    assert away.mail is not None


async def test_a_key_opens_health_once(visitor: httpx.AsyncClient) -> None:
    asked = await visitor.get(HEALTH)
    assert asked.status_code == 503
    assert 'name="key"' in asked.text
    shown = await visitor.post(HEALTH, data={"key": "sk-admin"})
    assert shown.status_code == 200, shown.text
    assert "What the proxy" not in asked.text
    assert "Versions" in shown.text
    assert "hx-get" not in shown.text, "nothing could ask again: the key is not kept"
    assert not visitor.cookies
    assert (await visitor.get(HEALTH)).status_code == 503


@pytest.mark.parametrize("key", ["sk-user-maria", "sk-nobody", "", "\n"])
async def test_no_other_key_does(visitor: httpx.AsyncClient, key: str) -> None:
    refused = await visitor.post(HEALTH, data={"key": key})
    assert refused.status_code == 403
    assert "Versions" not in refused.text
    by_cookie = await visitor.get(HEALTH, headers=cookies(key))
    assert by_cookie.status_code == 503
    assert "Versions" not in by_cookie.text


async def test_a_key_that_litellm_cannot_check_opens_nothing(visitor: httpx.AsyncClient) -> None:
    for answer in (
        await visitor.post(HEALTH, data={"key": "sk-forgotten"}),
        await visitor.get(HEALTH, headers=cookies("sk-forgotten")),
    ):
        assert answer.status_code == 503
        assert "It always knows its master key." in answer.text
        assert "Versions" not in answer.text


async def test_an_old_cookie_opens_nothing(visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.time() - LONGEST.total_seconds() - 5
    with monkeypatch.context() as then:
        then.setattr(time, "time", lambda: long_ago)
        old = cookies()
    answer = await visitor.get(HEALTH, headers=old)
    assert answer.status_code == 503
    assert "Versions" not in answer.text


async def test_forms_of_other_sites_and_many_attempts_are_refused(visitor: httpx.AsyncClient) -> None:
    foreign = await visitor.post(HEALTH, data={"key": "sk-admin"}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    for _ in range(MOST_FAILURES):
        assert (await visitor.post(HEALTH, data={"key": "sk-wrong"})).status_code == 403
    often = await visitor.post(HEALTH, data={"key": "sk-admin"})
    assert often.status_code == 429
    assert "Versions" not in often.text


async def test_where_the_books_are_there_a_key_opens_nothing(browser: httpx.AsyncClient) -> None:
    answer = await browser.post(HEALTH, data={"key": "sk-admin"})
    assert answer.status_code == 303
    assert answer.headers["location"] == HEALTH
    assert (await browser.get(HEALTH)).headers["location"].startswith(f"{ADMIN}/sign-in")
    ended = await browser.get(HEALTH, headers=cookies())
    assert ended.status_code == 303, "the books do not know this session"
