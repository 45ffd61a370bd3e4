"""The audit trail, lots of and requests for credits through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.settings import CreditPackage, CreditRequestLimits
from solaris_hooks.web.api import build_api
from tests.unit.web.asking import ACCOUNTS, ADMIN, MARIA, VIEWER, FakeAuthenticator, error_of, make_account

API = "/solaris/api/v1"
ME = f"{API}/me/requests"
REQUESTS = f"{API}/requests"
ASKED = {"tokens": 200, "reason": "Relatório"}
JOSE = {"Authorization": "Bearer sk-user-jose"}


async def asked(client: httpx.AsyncClient, **fields: object) -> str:
    response = await client.post(ME, json=ASKED | fields, headers=MARIA)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def test_a_user_asks_an_administrator_approves_and_the_credits_are_there(client: httpx.AsyncClient) -> None:
    request = await asked(client)
    [waiting] = (await client.get(REQUESTS, params={"state": "requested"})).json()["data"]
    assert (waiting["id"], waiting["account_id"], waiting["tokens"], waiting["reason"]) == (
        request,
        "user:maria",
        200,
        "Relatório",
    )
    approved = await client.post(f"{REQUESTS}/{request}/approve", json={"tokens": 150, "reason": "ok"})
    assert (approved.status_code, approved.json()["state"], approved.json()["decided_by"]) == (
        200,
        "approved",
        "admin:boss",
    )
    [own] = (await client.get(ME, headers=MARIA)).json()["data"]
    assert (own["state"], own["granted_tokens"], own["decision_reason"], own["decided_by"]) == (
        "approved",
        150,
        "ok",
        None,
    )
    assert (await client.get(f"{ACCOUNTS}/user:maria")).json()["credits"]["remaining"] == 150
    again = await client.post(f"{REQUESTS}/{request}/approve", json={"tokens": 150})
    assert again.json() == approved.json()
    assert error_of(await client.post(f"{REQUESTS}/{request}/reject", json={"reason": "no"}), 409)["type"] == (
        "request_decided"
    )


async def test_an_approval_without_a_body_grants_what_was_asked_for(client: httpx.AsyncClient) -> None:
    request = await asked(client)
    assert (await client.post(f"{REQUESTS}/{request}/approve")).json()["granted_tokens"] == 200


async def test_a_rejection_needs_a_reason(client: httpx.AsyncClient) -> None:
    request = await asked(client)
    assert error_of(await client.post(f"{REQUESTS}/{request}/reject", json={}), 400)["param"] == "reason"
    rejected = (await client.post(f"{REQUESTS}/{request}/reject", json={"reason": "Sem orçamento"})).json()
    assert (rejected["state"], rejected["decision_reason"]) == ("rejected", "Sem orçamento")


async def test_users_see_and_withdraw_their_own_requests_alone(client: httpx.AsyncClient) -> None:
    request = await asked(client)
    assert (await client.get(ME, headers=JOSE)).json() == {"data": [], "next_before": None}
    error_of(await client.post(f"{ME}/{request}/cancel", headers=JOSE), 404)
    assert (await client.post(f"{ME}/{request}/cancel", headers=MARIA)).json()["state"] == "cancelled"
    error_of(await client.post(f"{REQUESTS}/{request}/approve"), 409)


async def test_only_administrators_decide_and_viewers_read(client: httpx.AsyncClient) -> None:
    request = await asked(client)
    for headers in (MARIA, VIEWER):
        error_of(await client.post(f"{REQUESTS}/{request}/approve", headers=headers), 403)
        error_of(await client.post(f"{REQUESTS}/{request}/reject", json={"reason": "x"}, headers=headers), 403)
    assert (await client.get(f"{REQUESTS}/{request}", headers=VIEWER)).json()["state"] == "requested"
    for path in (REQUESTS, f"{REQUESTS}/{request}", f"{API}/audit", f"{ACCOUNTS}/user:maria/lots"):
        error_of(await client.get(path, headers=MARIA), 403)


async def test_who_asks_too_often_is_told_so(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await asked(client)
    error = error_of(await client.post(ME, json=ASKED, headers=MARIA), 429)
    assert error["type"] == "credit_request_refused"
    assert "(limit: 3)" in str(error["message"])


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tokens": 0}, "tokens"),
        ({"tokens": 10_000_001}, "tokens"),
        ({"tokens": "5"}, "tokens"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"package": "none"}, "package"),
        ({"actor": "x"}, "actor"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_name(
    client: httpx.AsyncClient, fields: dict[str, object], param: str
) -> None:
    assert error_of(await client.post(ME, json=ASKED | fields, headers=MARIA), 400)["param"] == param


async def test_requests_and_lots_that_are_not_there_are_404_or_400(client: httpx.AsyncClient) -> None:
    await make_account(client)
    missing = "019bc000-0000-7000-8000-000000000001"
    error_of(await client.get(f"{REQUESTS}/{missing}"), 404)
    error_of(await client.post(f"{REQUESTS}/{missing}/approve"), 404)
    body = {"reason": "x", "idempotency_key": "k"}
    error_of(await client.post(f"{ACCOUNTS}/user:maria/lots/{missing}/revoke", json=body), 404)
    error_of(await client.get(f"{REQUESTS}/nonsense"), 400)


async def test_requests_come_a_page_at_a_time(client: httpx.AsyncClient) -> None:
    made = [await asked(client, tokens=number) for number in (1, 2, 3)]
    page = (await client.get(REQUESTS, params={"limit": 2})).json()
    rest = (await client.get(REQUESTS, params={"limit": 2, "before": page["next_before"]})).json()
    assert [each["id"] for each in [*page["data"], *rest["data"]]] == made[::-1]
    assert rest["next_before"] is None


@pytest.fixture
async def shop() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API with one package on offer."""
    books = MemoryLedger()
    package = CreditPackage.model_validate({"name": "Inicial", "tokens": 500, "price": "29.90", "currency": "BRL"})
    requests = CreditRequests(books.requests, limits=CreditRequestLimits(), packages=[package])
    api = build_api(books, FakeAuthenticator(), requests_for_credits=requests)
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy", headers=ADMIN) as client:
        yield client


async def test_packages_are_shown_and_asked_for_by_name(shop: httpx.AsyncClient) -> None:
    offered = (await shop.get("/api/v1/me/packages", headers=MARIA)).json()
    assert offered == {"data": [{"name": "Inicial", "tokens": 500, "price": "29.90", "currency": "BRL"}]}
    body = {"package": "Inicial", "reason": "x"}
    made = (await shop.post("/api/v1/me/requests", json=body, headers=MARIA)).json()
    assert (made["tokens"], made["package"], made["price"], made["currency"]) == (500, "Inicial", "29.90", "BRL")


async def test_a_lot_is_listed_and_taken_back_once(client: httpx.AsyncClient) -> None:
    await make_account(client)
    grant = {"tokens": 500, "reason": "Bought", "idempotency_key": "i-1", "origin": "bonus"}
    granted = (await client.post(f"{ACCOUNTS}/user:maria/credits", json=grant)).json()
    lot = granted["credits"]["lots"][0]["id"]
    path = f"{ACCOUNTS}/user:maria/lots"
    body = {"reason": "mistake", "idempotency_key": "r-1"}
    first = await client.post(f"{path}/{lot}/revoke", json=body)
    again = await client.post(f"{path}/{lot}/revoke", json=body)
    assert first.json() == again.json() == {"account_id": "user:maria", "lot_id": lot, "revoked": 500}
    assert ("idempotent-replayed" in first.headers, "idempotent-replayed" in again.headers) == (False, True)
    [listed] = (await client.get(path)).json()["data"]
    assert (listed["tokens"], listed["remaining"], listed["origin"]) == (500, 0, "bonus")
    error_of(await client.post(f"{path}/{lot}/revoke", json=body, headers=VIEWER), 403)


async def test_the_trail_says_who_changed_what_and_why(client: httpx.AsyncClient) -> None:
    await make_account(client, name="Maria")
    suspended = {"status": "suspended", "reason": "asked by finance"}
    assert (await client.put(f"{ACCOUNTS}/user:maria", json=suspended)).status_code == 200
    page = (await client.get(f"{API}/audit", params={"limit": 1})).json()
    [record] = page["data"]
    assert (record["actor"], record["action"], record["reason"]) == ("admin:boss", "account.change", "asked by finance")
    assert (record["before"], record["after"]) == ({"status": "active"}, {"status": "suspended"})
    rest = (await client.get(f"{API}/audit", params={"before": page["next_before"], "account": "user:maria"})).json()
    assert [each["action"] for each in rest["data"]] == ["account.create"]
    later = (await client.get(f"{API}/audit", params={"since": "2026-11-22T12:00:01Z"})).json()
    assert later == {"data": [], "next_before": None}
    assert error_of(await client.get(f"{API}/audit", params={"account": "maria"}), 400)["param"] == "account_id"


async def test_whoever_is_taken_out_of_use_is_so_for_a_reason(client: httpx.AsyncClient) -> None:
    await make_account(client)
    message = error_of(await client.put(f"{ACCOUNTS}/user:maria", json={"status": "blocked"}), 400)["message"]
    assert "reason" in str(message)


async def test_null_empties_what_can_be_empty(client: httpx.AsyncClient) -> None:
    await make_account(client, email="a@b.c", name="Maria")
    emptied = (await client.put(f"{ACCOUNTS}/user:maria", json={"email": None, "name": None})).json()
    assert (emptied["email"], emptied["name"]) == (None, None)
    for field in ("plan", "status", "locale", "time_zone", "anchor_day", "reason"):
        error_of(await client.put(f"{ACCOUNTS}/user:maria", json={field: None}), 400)
