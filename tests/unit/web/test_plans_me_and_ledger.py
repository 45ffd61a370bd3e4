"""Plans, a user's own account, verification and health through the API."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.api import build_api
from solaris_hooks.web.routes import ledger as ledger_routes
from tests.unit.web.asking import ACCOUNTS, ADMIN, MARIA, VIEWER, FakeAuthenticator, error_of, make_account

PLANS = "/solaris/api/v1/plans"
ME = "/solaris/api/v1/me"
VERIFY = "/solaris/api/v1/ledger/verify"
GRANT = {"tokens": 500, "reason": "Bought", "idempotency_key": "invoice-1"}


async def test_plans_are_made_changed_and_listed(client: httpx.AsyncClient) -> None:
    default = {
        "id": "default",
        "monthly_tokens": 1_000_000,
        "thresholds": [80, 95, 100],
        "allowed_models": None,
        "max_in_flight": None,
        "overdraft": 0,
        "time_zone": None,
        "anchor_day": None,
        "weights": None,
        "notices": True,
        "trial_days": None,
        "trial_then": None,
    }
    assert (await client.get(PLANS)).json() == {"data": [default]}
    made = await client.put(f"{PLANS}/big", json={"monthly_tokens": 5, "thresholds": [50]})
    assert made.json() == default | {"id": "big", "monthly_tokens": 5, "thresholds": [50]}
    kept = await client.put(f"{PLANS}/big", json={"monthly_tokens": 7})
    assert (
        kept.json()
        == (await client.get(f"{PLANS}/big")).json()
        == default | {"id": "big", "monthly_tokens": 7, "thresholds": [50]}
    )
    assert error_of(await client.get(f"{PLANS}/none"), 404)["param"] == "plan_id"


async def test_terms_that_are_left_out_stay_and_null_takes_them_away(client: httpx.AsyncClient) -> None:
    terms = {"max_in_flight": 2, "allowed_models": ["gpt-*"], "weights": {"gpt-*": {"input": "0.376"}}}
    await client.put(f"{PLANS}/big", json={"monthly_tokens": 5, "overdraft": 70, **terms})
    kept = (await client.put(f"{PLANS}/big", json={"monthly_tokens": 6})).json()
    assert (kept["max_in_flight"], kept["allowed_models"], kept["overdraft"]) == (2, ["gpt-*"], 70)
    assert kept["weights"] == {"gpt-*": {"input": "0.376", "cached_input": "0.376", "output": "1"}}
    gone = (await client.put(f"{PLANS}/big", json={"monthly_tokens": 6} | dict.fromkeys(terms))).json()
    assert {name: gone[name] for name in terms} == dict.fromkeys(terms)
    await make_account(client, plan="big")
    assert (await client.get(f"{ACCOUNTS}/user:maria")).json()["terms"]["overdraft"] == 70


async def test_a_change_of_a_plan_reaches_its_accounts_at_once(client: httpx.AsyncClient) -> None:
    await make_account(client)
    await client.put(f"{PLANS}/default", json={"monthly_tokens": 2_000_000})
    assert (await client.get(f"{ACCOUNTS}/user:maria")).json()["available"] == 2_000_000


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("big", {}, "monthly_tokens"),
        ("big", {"monthly_tokens": -1}, "monthly_tokens"),
        ("big", {"monthly_tokens": 1.0}, "monthly_tokens"),
        ("big", {"monthly_tokens": 10**15 + 1}, "monthly_tokens"),
        ("big", {"monthly_tokens": 1, "thresholds": [0]}, "thresholds.0"),
        ("big", {"monthly_tokens": 1, "thresholds": [101]}, "thresholds.0"),
        ("big", {"monthly_tokens": 1, "thresholds": [90, 80]}, "thresholds"),
        ("big", {"monthly_tokens": 1, "thresholds": [80, 80]}, "thresholds"),
        ("big", {"monthly_tokens": 1, "thresholds": list(range(1, 30))}, "thresholds"),
        ("big", {"monthly_tokens": 1, "price": 3}, "price"),
        ("big", {"monthly_tokens": 1, "overdraft": None}, None),
        ("big", {"monthly_tokens": 1, "max_in_flight": 0}, "max_in_flight"),
        ("big", {"monthly_tokens": 1, "allowed_models": [""]}, "allowed_models.0"),
        ("big", {"monthly_tokens": 1, "time_zone": "Mars/Olympus"}, "time_zone"),
        ("big", {"monthly_tokens": 1, "weights": {"*": {"input": -1}}}, "weights.?.input"),
        ("big", {"monthly_tokens": 1, "trial_then": "default"}, "trial_days"),
        ("BIG", {"monthly_tokens": 1}, "plan_id"),
        ("a%2Fb", {"monthly_tokens": 1}, "plan_id"),
        ("x" * 65, {"monthly_tokens": 1}, "plan_id"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused_by_name(
    client: httpx.AsyncClient, path: str, body: dict[str, object], param: str | None
) -> None:
    assert error_of(await client.put(f"{PLANS}/{path}", json=body), 400)["param"] == param


async def test_a_user_reads_his_own_account_and_nobody_else_s(client: httpx.AsyncClient) -> None:
    await make_account(client)
    await make_account(client, "user:jose")
    await client.post(f"{ACCOUNTS}/user:maria/credits", json=GRANT)
    own = (await client.get(ME, headers=MARIA)).json()
    assert own["id"] == "user:maria"
    assert own["credits"]["lots"][0]["actor"] is None
    entries = (await client.get(f"{ME}/entries", headers=MARIA)).json()["data"]
    assert [entry["tokens"] for entry in entries] == [500, 1_000_000]
    assert {(entry["actor"], entry["idempotency_key"]) for entry in entries} == {(None, None)}
    assert (await client.get(f"{ME}/usage", headers=MARIA)).json()["data"] == []
    for path in ("", "/user:maria", "/user:jose", "/user:jose/entries", "/user:maria/usage"):
        assert error_of(await client.get(f"{ACCOUNTS}{path}", headers=MARIA), 403)["type"] == "forbidden"


async def test_the_first_look_makes_the_account_as_the_first_request_would(client: httpx.AsyncClient) -> None:
    own = (await client.get(ME, headers=MARIA)).json()
    assert (own["email"], own["available"]) == ("maria@example.org", 1_000_000)


async def test_the_first_look_makes_nothing_where_users_must_be_known(ledger: MemoryLedger) -> None:
    api = build_api(ledger, FakeAuthenticator(), open_accounts=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://proxy") as client:
        error_of(await client.get("/api/v1/me", headers=MARIA), 404)
    assert await ledger.account(AccountId("user:maria")) is None


async def test_verification_names_account_and_entry(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client)
    await make_account(client, "user:jose")
    assert (await client.post(VERIFY)).json() == {
        "ok": True,
        "accounts": 2,
        "entries": 2,
        "flaws": [],
        "more_flaws": 0,
        "id": None,
        "state": "good",
        "error": None,
    }
    entries = ledger._accounts[AccountId("user:jose")].entries
    entries[0] = replace(entries[0], tokens=entries[0].tokens + 1)
    verified = (await client.post(VERIFY)).json()
    assert not verified["ok"]
    assert {(flaw["account_id"], flaw["entry"]) for flaw in verified["flaws"]} >= {("user:jose", 1)}
    assert (await client.post(VERIFY, json={"account_id": "user:maria"})).json()["ok"]
    error_of(await client.post(VERIFY, json={"account_id": "user:nobody"}), 404)
    assert error_of(await client.post(VERIFY, json={"acount": "x"}), 400)["param"] == "acount"


async def test_a_viewer_reads_and_verifies_but_changes_nothing(client: httpx.AsyncClient) -> None:
    await make_account(client)
    for path in (ACCOUNTS, f"{ACCOUNTS}/user:maria", f"{ACCOUNTS}/user:maria/entries", PLANS):
        assert (await client.get(path, headers=VIEWER)).status_code == 200
    assert (await client.post(VERIFY, headers=VIEWER)).status_code == 200
    error_of(await client.put(f"{ACCOUNTS}/user:maria", json={}, headers=VIEWER), 403)
    error_of(await client.post(f"{ACCOUNTS}/user:maria/credits", json=GRANT, headers=VIEWER), 403)
    error_of(await client.put(f"{PLANS}/x", json={"monthly_tokens": 1}, headers=VIEWER), 403)


async def test_health_is_open_and_tells_no_figure(client: httpx.AsyncClient) -> None:
    response = await client.get("/solaris/health", headers={"Authorization": ""})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_health_is_503_while_the_books_cannot_be_read(
    client: httpx.AsyncClient, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> None:
        raise LedgerUnavailableError

    monkeypatch.setattr(ledger, "ping", refuse)
    assert error_of(await client.get("/solaris/health"), 503)["type"] == "ledger_unavailable"

    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(ledger_routes, "HEALTH_SECONDS", 0.01)
    monkeypatch.setattr(ledger, "ping", hang)
    response = await client.get("/solaris/health")
    assert error_of(response, 503)["type"] == "ledger_unavailable"
    assert response.headers["retry-after"] == "5"


def test_every_route_but_health_and_the_description_asks_who_it_is(api: FastAPI) -> None:
    for path, operations in api.openapi()["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == (path != "/health")


async def test_no_route_answers_without_a_key(client: httpx.AsyncClient, api: FastAPI) -> None:
    await make_account(client)
    client.headers.pop("Authorization")
    for path, operations in api.openapi()["paths"].items():
        if path == "/health":
            continue
        address = "/solaris" + path.replace("{account}", "user:maria").replace("{plan}", "default")
        for method in operations:
            for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": ADMIN["Authorization"][7:]}):
                response = await client.request(method, address, headers=headers)
                assert error_of(response, 401)["type"] == "unauthenticated", (method, address)
                assert response.headers["www-authenticate"] == "Bearer"
