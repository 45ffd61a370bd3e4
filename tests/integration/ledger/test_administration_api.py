"""Merges, erasures, batches and undoing over HTTP, on PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.web.administration_bodies import BatchBody, ErasureBody, MergeBody
from solaris_hooks.web.api import build_api, mount
from tests.unit.web.asking import ADMIN, VIEWER, FakeAuthenticator, error_of

from .world import ANA, BIA, Clock, World

API = "/solaris/api/v1"
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "http-api.md"


@pytest.fixture
def api(postgres_ledger: PostgresLedger) -> FastAPI:
    return build_api(postgres_ledger, FakeAuthenticator(), administration=postgres_ledger)


@pytest.fixture
async def client(api: FastAPI, postgres_ledger: PostgresLedger, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A client, and two accounts with 50 credits each."""
    world = World(postgres_ledger, clock)
    for each in (ANA, BIA):
        await world.hold(0, 0, account_id=each)
        await world.grant(50, account_id=each, key="first")
    host = FastAPI()
    mount(host, api)
    transport = httpx.ASGITransport(app=host)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy", headers=ADMIN) as client:
        yield client


def test_every_address_is_documented(api: FastAPI) -> None:
    page = REFERENCE.read_text("utf-8")
    paths = api.openapi()["paths"]
    asked = [f"`{method.upper()} /solaris{path}`" for path, operations in paths.items() for method in operations]
    assert [each for each in asked if each not in page] == []
    assert all(operation["summary"] for operations in paths.values() for operation in operations.values())


@pytest.mark.parametrize("body", [BatchBody, ErasureBody, MergeBody])
def test_the_examples_are_valid(body: type[BatchBody | ErasureBody | MergeBody]) -> None:
    for example in body.model_json_schema()["examples"]:
        body.model_validate(example)


async def test_a_merge_after_a_dry_run(client: httpx.AsyncClient) -> None:
    body = {"into": ANA, "reason": "one person", "idempotency_key": "m"}
    path = f"{API}/accounts/{BIA}/merge"
    error_of(await client.post(path, json=body), 400)
    error_of(await client.post(path, json={**body, "dry_run": True}, headers=VIEWER), 403)
    tried = (await client.post(path, json={**body, "dry_run": True})).json()
    assert (tried["dry_run"], tried["credits"], tried["lapsed"]) == (True, 50, 1_000_000)
    done = await client.post(path, json={**body, "dry_run": False})
    assert done.json() == {**tried, "dry_run": False}
    again = await client.post(path, json={**body, "dry_run": False})
    assert again.headers["idempotent-replayed"] == "true"
    assert (await client.get(f"{API}/accounts/{ANA}")).json()["credits"]["remaining"] == 100


async def test_an_erasure_needs_the_id_once_more(client: httpx.AsyncClient) -> None:
    path = f"{API}/accounts/{ANA}/erase"
    refused = error_of(await client.post(path, json={"confirm": "user:an", "reason": "r"}), 400)
    assert refused["param"] == "confirm"
    done = await client.post(path, json={"confirm": ANA, "reason": "request 12"})
    assert (done.json()["entry_texts"], done.json()["id_names_person"]) == (1, False)
    entries = (await client.get(f"{API}/accounts/{ANA}/entries")).json()["data"]
    assert entries[0]["reason"] == "[erased]"
    assert re.fullmatch("sha256:[0-9a-f]{64}", entries[0]["sealed_reason"])


async def test_a_batch_and_what_came_of_it(client: httpx.AsyncClient) -> None:
    body = {
        "idempotency_key": "b",
        "action": {"kind": "suspend", "status_reason": "invoice due"},
        "filter": {"status": "active"},
        "reason": "unpaid",
    }
    assert (await client.post(f"{API}/batches/preview", json=body)).json() == {
        "accounts": 2,
        "changing": 2,
        "missing": [],
        "tokens": 0,
        "first": [ANA, BIA],
        "unchanged": [],
        "names": {each: {"name": None, "email": None} for each in (ANA, BIA)},
    }
    done = (await client.post(f"{API}/batches", json=body)).json()
    assert (done["complete"], done["outcomes"]) == (True, {"done": 2})
    page = (await client.get(f"{API}/batches/{done['id']}/items", params={"limit": 1})).json()
    assert ([each["outcome"] for each in page["data"]], page["next_after"]) == (["done"], ANA)
    rest = await client.get(f"{API}/batches/{done['id']}/items", params={"after": page["next_after"]})
    assert [each["account_id"] for each in rest.json()["data"]] == [BIA]
    assert (await client.get(f"{API}/batches")).json()["data"] == [done]
    audited = (await client.get(f"{API}/audit", params={"batch": done["id"]})).json()["data"]
    assert {each["action"] for each in audited} == {"batch.begin", "account.change"}
    for wrong in (
        {"filter": None},
        {"accounts": ["user:a"]},
        {"action": {"kind": "suspend", "tokens": 5}},
        {"action": {"kind": "delete"}},
        {"action": {"kind": "credits", "tokens": 0}},
    ):
        error_of(await client.post(f"{API}/batches", json={**body, "idempotency_key": "x", **wrong}), 400)


async def test_a_thousand_long_ids_fit(client: httpx.AsyncClient) -> None:
    ids = [f"user:{number:0290}" for number in range(1000)]
    body = {"idempotency_key": "b", "action": {"kind": "reset"}, "accounts": ids, "reason": "r"}
    preview = (await client.post(f"{API}/batches/preview", json=body)).json()
    assert (preview["accounts"], len(preview["missing"])) == (0, 1000)
    error_of(await client.post(f"{API}/accounts/{ANA}/reset", json={"reason": "r" * 70_000}), 413)


async def test_a_change_says_how_it_is_undone_and_is(client: httpx.AsyncClient) -> None:
    await client.put(f"{API}/accounts/{ANA}", json={"name": "Ana", "reason": "asked"})
    (change,) = (await client.get(f"{API}/audit", params={"action": "account.change"})).json()["data"]
    assert change["undo"] == {"kind": "restore", "to": {"name": None}}
    path = f"{API}/audit/{change['number']}/undo"
    undone = (await client.post(path, json={"reason": "a mistake"})).json()
    assert (undone["undoes"], undone["after"]) == (change["number"], {"name": None})
    change = (await client.get(f"{API}/audit", params={"action": "account.change"})).json()["data"][1]
    assert (change["undone_by"], change["undo"]) == (undone["number"], None)
    error_of(await client.post(path, json={"reason": "r"}), 409)
    error_of(await client.post(f"{API}/audit/999999/undo", json={"reason": "r"}), 404)
