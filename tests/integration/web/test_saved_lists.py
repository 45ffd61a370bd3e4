"""Administrators keep lists of accounts under a name, for themselves or for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request

from solaris_hooks.ledger import saved_lists
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.roles import Permission
from solaris_hooks.settings import Settings
from solaris_hooks.web.access import Administrator
from solaris_hooks.web.api import mount
from solaris_hooks.web.site import build_site
from tests.integration.web.asking import ADMIN, send, signed_in
from tests.integration.web.conftest import SECRETS
from tests.unit.web.asking import FakeAuthenticator

FILTER = {"q": "ação & <b>", "status": "active", "unseen": "30", "sort": "-used"}
QUERY = "q=a%C3%A7%C3%A3o+%26+%3Cb%3E&status=active&unseen=30&sort=-used"


class Named(FakeAuthenticator):
    """Calls an administrator by his key."""

    async def administrator(self, request: Request, permission: Permission, *, key: str | None = None) -> Administrator:
        found = await super().administrator(request, permission, key=key)
        return Administrator(f"admin:{key}", found.role)


@pytest.fixture(autouse=True)
def no_lists(web_url: str) -> None:
    with psycopg.connect(web_url) as connection:
        connection.execute("DELETE FROM solaris.saved_lists")


@pytest.fixture
def host(books: PostgresLedger, settings: Settings) -> FastAPI:
    app = FastAPI()
    mount(app, build_site(books, Named(), settings, secrets=SECRETS).app)
    return app


@pytest.fixture
async def auditor(host: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser, in which somebody has signed in who may only read."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy") as client:
        yield await signed_in(client, "sk-auditor")


async def test_a_list_is_kept_shown_and_deleted(admin: httpx.AsyncClient, books: PostgresLedger) -> None:
    kept = await send(admin, "/lists", name=" Sleepers <i> ", **FILTER)
    assert kept.headers["location"] == f"{ADMIN}/accounts?{QUERY}&done=list_saved"
    (mine,) = await books.saved_lists.of("admin:sk-admin")
    assert (mine.name, mine.query, mine.shared) == ("Sleepers <i>", QUERY, False)
    page = (await admin.get(kept.headers["location"])).text
    assert "The list is kept." in page
    link = f'<a href="{ADMIN}/accounts?{QUERY.replace("&", "&amp;")}" aria-current="page">Sleepers &lt;i&gt;</a>'
    assert link in page
    assert "<i>" not in page
    await send(admin, "/lists", name="Sleepers <i>", sort="used")
    (mine,) = await books.saved_lists.of("admin:sk-admin")
    assert mine.query == "sort=used", "the same name is the same list"
    gone = await send(admin, f"/lists/{mine.number}/delete")
    assert gone.headers["location"] == f"{ADMIN}/accounts?sort=used&done=list_deleted"
    assert await books.saved_lists.of("admin:sk-admin") == []
    assert (await send(admin, f"/lists/{mine.number}/delete")).status_code == 404


async def test_all_accounts_can_be_kept_too(admin: httpx.AsyncClient) -> None:
    kept = await send(admin, "/lists", name="Everybody")
    assert kept.headers["location"] == f"{ADMIN}/accounts?done=list_saved"
    assert f'<a href="{ADMIN}/accounts">Everybody</a>' in (await admin.get(f"{ADMIN}/accounts")).text


async def test_what_is_shared_is_seen_by_all_and_audited(
    admin: httpx.AsyncClient, auditor: httpx.AsyncClient, books: PostgresLedger
) -> None:
    await send(admin, "/lists", name="Mine", status="suspended")
    await send(admin, "/lists", name="Ours", shared="on", status="blocked")
    seen = (await auditor.get(f"{ADMIN}/accounts")).text
    assert "Ours" in seen
    assert "shared by sk-admin" in seen
    assert "Mine" not in seen
    (ours,) = [each for each in await books.saved_lists.of("admin:x") if each.shared]
    record = (await books.trail.records(AuditFilter(action="list.share"), limit=1))[0]
    fields = {"name": "Ours", "query": "status=blocked", "owner": "admin:sk-admin"}
    assert (record.actor, record.subject, record.before, record.after) == (
        "admin:sk-admin",
        str(ours.number),
        None,
        fields,
    )
    await send(admin, "/lists", name="Ours", status="blocked")
    record = (await books.trail.records(AuditFilter(action="list.unshare"), limit=1))[0]
    assert (record.subject, record.before, record.after) == (str(ours.number), fields, None)


async def test_whoever_may_only_read_keeps_his_own_and_shares_none(
    admin: httpx.AsyncClient, auditor: httpx.AsyncClient, books: PostgresLedger
) -> None:
    assert (await send(auditor, "/lists", name="His", status="active")).status_code == 303
    assert "Show it to all administrators" not in (await auditor.get(f"{ADMIN}/accounts")).text
    assert (await send(auditor, "/lists", name="Ours", shared="on")).status_code == 403
    await send(admin, "/lists", name="Ours", shared="on")
    (ours,) = [each for each in await books.saved_lists.of("admin:sk-auditor") if each.shared]
    assert (await send(auditor, f"/lists/{ours.number}/delete")).status_code == 404
    (his,) = [each for each in await books.saved_lists.of("admin:sk-auditor") if not each.shared]
    assert (await send(admin, f"/lists/{his.number}/delete")).status_code == 404, "not even an administrator sees it"
    assert (await send(auditor, f"/lists/{his.number}/delete")).status_code == 303


async def test_administrators_delete_what_others_share(books: PostgresLedger) -> None:
    shared = await books.saved_lists.save("Theirs", "", shared=True, actor="admin:gone")
    with pytest.raises(NotFoundError):
        await books.saved_lists.delete(shared.number, actor="admin:x", of_others=False)
    assert await books.saved_lists.delete(shared.number, actor="admin:x", of_others=True) == shared


@pytest.mark.parametrize("name", ["", "x" * 61, "a\x00b"])
async def test_a_bad_name_is_told_beside_its_field(admin: httpx.AsyncClient, books: PostgresLedger, name: str) -> None:
    answer = await send(admin, "/lists", name=name, **FILTER)
    assert answer.status_code == 400
    assert 'class="field wrong"' in answer.text
    assert 'value="ação &amp; &lt;b&gt;"' in answer.text
    assert await books.saved_lists.of("admin:sk-admin") == []


async def test_there_is_an_end_to_lists(
    admin: httpx.AsyncClient, books: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_lists, "MOST_LISTS", 1)
    monkeypatch.setattr(saved_lists, "MOST_SHARED", 1)
    await send(admin, "/lists", name="one", shared="on")
    await send(admin, "/lists", name="one", shared="on", sort="used")
    refused = await send(admin, "/lists", name="two")
    assert refused.status_code == 400
    assert "You keep 1 lists already" in refused.text
    with pytest.raises(InvalidRequestError, match="1 lists are shared already"):
        await books.saved_lists.save("three", "", shared=True, actor=f"admin:{uuid4()}")


async def test_a_list_is_kept_by_this_sessions_forms_alone(admin: httpx.AsyncClient) -> None:
    forged = await admin.post(f"{ADMIN}/lists", data={"name": "x", "form_token": "0" * 64})
    assert forged.status_code == 403
    foreign = await admin.post(f"{ADMIN}/lists", data={"name": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
