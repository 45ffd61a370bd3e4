"""Links, sessions and the statement page, as a browser would ask for them."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange, Grant, Settlement
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.web.api import build_api, mount
from solaris_hooks.web.links import LinkError, StatementLinks, Tickets, derived_secret
from solaris_hooks.web.pages.door import COOKIE, OwnDoor
from solaris_hooks.web.pages.opening import add_pages
from solaris_hooks.web.pages.services import PageServices
from solaris_hooks.web.seals import Seals
from tests.unit.web.asking import FakeAuthenticator
from tests.unit.web.sessions import MemoryLinks, MemorySessions

ANA = AccountId("user:ana")
SECRETS = ["a-secret-for-tests"]


@pytest.fixture
async def ledger() -> MemoryLedger:
    made = MemoryLedger()
    await made.put_account(ANA, AccountChange(name="Ana <b>", email="ana@example.org"), actor="admin:a")
    return made


@pytest.fixture
def links() -> StatementLinks:
    return StatementLinks(Tickets(SECRETS, "statement", lifetime_seconds=900), "http://proxy")


@pytest.fixture
async def client(ledger: MemoryLedger, links: StatementLinks) -> AsyncIterator[httpx.AsyncClient]:
    api = build_api(ledger, FakeAuthenticator())
    services = PageServices(api.state.services, ledger, MemoryLinks(), MemorySessions())
    door = OwnDoor(services, Seals(SECRETS, "statement"), secure=False, locale="pt_BR", time_zone="America/Sao_Paulo")
    add_pages(api, door, links.tickets)
    host = FastAPI()
    mount(host, api)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy") as made:
        yield made


def words(answer: httpx.Response) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", "", answer.text).split())


def form_token(page: str) -> str:
    """What the forms of a page carry."""
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found, "the page has no form"
    return found[1]


async def opened(client: httpx.AsyncClient, links: StatementLinks, account: AccountId = ANA) -> httpx.Response:
    link = links.of(account)
    assert link is not None
    return await client.get(link)


async def test_a_link_opens_a_session_and_leads_on_without_the_token(
    client: httpx.AsyncClient, links: StatementLinks
) -> None:
    answer = await opened(client, links)
    assert answer.status_code == 200, "a redirect would carry no cookie with SameSite=Strict from another site"
    assert '<meta http-equiv="refresh" content="0;url=/solaris/me">' in answer.text
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=strict", "Path=/solaris/me", "Max-Age=3600"} <= set(cookie.split("; "))
    assert "token=" not in answer.text
    page = await client.get("/solaris/me")
    assert page.status_code == 200
    assert "Restam 1.000.000 de 1.000.000 tokens" in words(page)


async def test_a_link_opens_once(client: httpx.AsyncClient, links: StatementLinks) -> None:
    link = links.of(ANA)
    assert link is not None
    assert (await client.head(link)).status_code == 200
    assert (await client.get(link)).status_code == 200
    client.cookies.clear()
    again = await client.get(link)
    assert again.status_code == 403
    assert "já foi usado" in again.text
    assert (await client.get("/solaris/me")).status_code == 401


async def test_wrong_tokens_open_nothing(client: httpx.AsyncClient, links: StatementLinks) -> None:
    foreign = Tickets(["another secret"], "statement", lifetime_seconds=900).write(ANA)
    session = Tickets(SECRETS, "session", lifetime_seconds=900).write(ANA)
    nobody = links.tickets.write(AccountId("user:nobody"))
    changed = links.tickets.write(ANA)[:-2] + "xx"
    for token in ("", "x", foreign, session, nobody, changed, "é" * 50, "a.b.c"):
        answer = await client.get("/solaris/me", params={"token": token})
        assert answer.status_code == 403, token
        assert "set-cookie" not in answer.headers
    client.cookies.set(COOKIE, links.tickets.write(ANA))
    assert (await client.get("/solaris/me")).status_code == 401, "a link is no session"


def test_tokens_expire_and_secrets_rotate(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Tickets(["old"], "statement", lifetime_seconds=900)
    token = old.write(ANA)
    rotated = Tickets(["new", "old"], "statement", lifetime_seconds=900)
    assert rotated.read(token).account_id == ANA
    with pytest.raises(LinkError):
        old.read(rotated.write(ANA))
    later = time.time() + 901
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(LinkError):
        rotated.read(token)


def test_without_an_address_there_is_no_link_and_derived_keys_differ() -> None:
    assert StatementLinks(Tickets(SECRETS, "statement", lifetime_seconds=900), "").of(ANA) is None
    assert derived_secret("sk-1") != derived_secret("sk-2")
    assert "sk-1" not in derived_secret("sk-1")


async def test_the_statement_tells_use_credits_and_entries_in_plain_words(
    client: httpx.AsyncClient, links: StatementLinks, ledger: MemoryLedger
) -> None:
    await ledger.settle(Settlement(ANA, new_hold_id(), "gpt-4o", 850_000, Usage(850_000, 0), UsageSource.PROVIDER))
    await ledger.grant_credits(Grant(ANA, 5000, "obrigado <i>", "admin:a", "k"))
    await ledger.put_account(ANA, AccountChange(status=Status.SUSPENDED, status_reason="fatura"), actor="admin:a")
    await opened(client, links)
    answer = await client.get("/solaris/me")
    page = answer.text
    assert '<html lang="pt-BR" ' in page
    assert "Ana &lt;b&gt;" in page
    assert 'class="card hero state-warning"' in page
    assert "84% usados." in page
    assert "Restam 155.000 de 1.005.000 tokens" in words(answer)
    assert '<span class="share-name">gpt-4o</span>' in page
    assert ("seus tokens acabam em" in page) == (zone_day(1) < renewal_day(ledger)), "at this pace one day is left"
    assert "Uso de gpt-4o" in page
    assert "Créditos recebidos: obrigado &lt;i&gt;" in page
    assert "não pode usar tokens no momento. fatura" in page
    await ledger.put_account(ANA, AccountChange(locale="en"), actor="admin:a")
    assert "155,000 of 1,005,000 tokens are left" in words(await client.get("/solaris/me"))


def zone_day(ahead: int) -> dt.date:
    return (dt.datetime.now(ZoneInfo("America/Sao_Paulo")) + dt.timedelta(days=ahead)).date()


def renewal_day(ledger: MemoryLedger) -> dt.date:
    ends = ledger._accounts[ANA].figures.period.end
    return ends.astimezone(ZoneInfo("America/Sao_Paulo")).date()


async def test_pages_forbid_scripts_of_others_inline_ones_frames_and_caches(
    client: httpx.AsyncClient, links: StatementLinks
) -> None:
    await opened(client, links)
    page = await client.get("/solaris/me")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"style=|\son\w+=|hx-on|javascript:", page.text)
    scripts = re.findall(r"<script[^>]*>[^<]*", page.text)
    assert scripts
    for each in scripts:
        assert re.fullmatch(r'<script src="/solaris/static/[\w./-]+" defer>', each), "none stands in the page itself"
    style = await client.get("/solaris/static/solaris.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_a_proxy_below_a_path_keeps_its_pages_and_its_cookie_there(
    client: httpx.AsyncClient, links: StatementLinks
) -> None:
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    below = httpx.ASGITransport(app=transport.app, root_path="/llm")
    async with httpx.AsyncClient(transport=below, base_url="http://proxy") as other:
        answer = await other.get(f"/llm/solaris/me?token={links.tickets.write(ANA)}")
        assert 'url=/llm/solaris/me"' in answer.text
        assert "Path=/llm/solaris/me;" in answer.headers["set-cookie"]
        assert 'href="/llm/solaris/static/solaris.css"' in (await other.get("/llm/solaris/me")).text


async def test_leaving_ends_the_session(client: httpx.AsyncClient, links: StatementLinks) -> None:
    await opened(client, links)
    kept = client.cookies[COOKIE]
    token = form_token((await client.get("/solaris/me")).text)
    left = await client.post("/solaris/me/leave", data={"form_token": token})
    assert (left.status_code, left.headers["location"]) == (303, "/solaris/me/sign-in?out=1")
    assert "Você saiu." in (await client.get(left.headers["location"])).text
    assert (await client.get("/solaris/me")).status_code == 401
    client.cookies.set(COOKIE, kept)
    assert (await client.get("/solaris/me")).status_code == 401, "a copy of the cookie is of no use either"
    assert (await client.get("/solaris/me/leave")).status_code == 405
