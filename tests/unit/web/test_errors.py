"""Whatever goes wrong is answered in one shape that says what to do and gives nothing away."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from fastapi import FastAPI, Request

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import Administrator
from solaris_hooks.web.api import build_api, mount
from solaris_hooks.web.asgi import MAX_BODY_BYTES
from tests.unit.web.asking import ACCOUNTS, FakeAuthenticator, error_of, make_account

JSON = {"Content-Type": "application/json"}


async def test_an_unknown_address_is_404(client: httpx.AsyncClient) -> None:
    for path in ("/solaris/", "/solaris/api/v1", "/solaris/api/v1/account", f"{ACCOUNTS}/", f"{ACCOUNTS}/user:a/b/c"):
        assert error_of(await client.get(path), 404)["type"] == "not_found"


async def test_the_host_s_own_routes_are_left_alone(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/models")).json() == {"host": "v1/models"}
    assert (await client.get("/solaris-not-ours")).json() == {"host": "solaris-not-ours"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", f"{ACCOUNTS}/user:maria", "GET, PUT"),
        ("POST", f"{ACCOUNTS}/user:a%2Fb", "GET, PUT"),
        ("POST", ACCOUNTS, "GET"),
        ("PUT", f"{ACCOUNTS}/user:maria/credits", "POST"),
        ("GET", "/solaris/api/v1/ledger/verify", "POST"),
        ("POST", "/solaris/health", "GET"),
        ("TRACE", "/solaris/api/v1/me", "GET"),
    ],
)
async def test_a_wrong_method_is_405_and_told_the_right_ones(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)
    error = error_of(response, 405)
    assert error["type"] == "method_not_allowed"
    assert response.headers["allow"] == allowed
    assert allowed.replace(", ", " or ") in str(error["message"])


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b'"x"', JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 30_000, JSON),
        (b'{"anchor_day": ' + b"9" * 5000 + b"}", JSON),
        (b"{}", {"Content-Type": "text/plain"}),
        (b"name=x", {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
async def test_a_body_that_is_no_json_object_is_400(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str]
) -> None:
    response = await client.put(f"{ACCOUNTS}/user:maria", content=body, headers=headers)
    assert error_of(response, 400)["type"] == "invalid_request"


async def test_a_body_that_is_too_large_is_413(client: httpx.AsyncClient) -> None:
    body = json.dumps({"name": "x" * MAX_BODY_BYTES})
    response = await client.put(f"{ACCOUNTS}/user:maria", content=body, headers=JSON)
    assert error_of(response, 413)["type"] == "body_too_large"


async def test_an_unknown_field_s_name_is_quoted_harmlessly(client: httpx.AsyncClient) -> None:
    hostile = "<script>\r\n\x1b[31m" + "x" * 5000
    error = error_of(await client.put(f"{ACCOUNTS}/user:maria", json={hostile: 1}), 400)
    assert len(str(error["message"])) < 200
    assert not set("<>\r\n\x1b") & set(str(error["message"]))


async def test_several_problems_are_told_at_once(client: httpx.AsyncClient) -> None:
    error = error_of(await client.put(f"{ACCOUNTS}/user:maria", json={"anchor_day": 0, "nome": "x"}), 400)
    assert "anchor_day" in str(error["message"])
    assert "nome" in str(error["message"])


async def test_an_unexpected_error_tells_only_where_to_look(
    client: httpx.AsyncClient, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def explode(*_: object, **__: object) -> None:
        raise RuntimeError("secret password 123")

    await make_account(client)
    monkeypatch.setattr(ledger, "account", explode)
    with caplog.at_level(logging.ERROR):
        error = error_of(await client.get(f"{ACCOUNTS}/user:maria"), 500)
    assert error["type"] == "internal_error"
    assert "secret" not in str(error)
    incident = str(error["message"]).split("incident ")[1][:12]
    assert incident in caplog.text
    assert "secret password 123" in caplog.text


async def test_nothing_is_cached(client: httpx.AsyncClient) -> None:
    for path in (ACCOUNTS, "/solaris/health", "/solaris/none"):
        assert (await client.get(path)).headers["cache-control"] == "no-store"


async def test_the_checker_of_keys_sees_the_path_as_the_server_decoded_it(ledger: MemoryLedger) -> None:
    seen: list[str] = []

    class Noting(FakeAuthenticator):
        async def administrator(
            self, request: Request, permission: Permission, *, key: str | None = None
        ) -> Administrator:
            seen.append(request.scope["solaris.decoded_path"])
            return await super().administrator(request, permission, key=key)

    host = FastAPI()
    mount(host, build_api(ledger, Noting()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy") as client:
        await client.put(f"{ACCOUNTS}/user:a%2Fb", json={}, headers={"Authorization": "Bearer sk-admin"})
    assert seen == [f"{ACCOUNTS}/user:a/b"]


@pytest.mark.parametrize("prefix", ["", "/genai"])
async def test_it_works_under_litellm_s_root_path(api: FastAPI, prefix: str) -> None:
    """With SERVER_ROOT_PATH, whether the proxy in front strips it or not."""
    host = FastAPI()
    host.root_path = "/genai"
    mount(host, api)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy") as client:
        headers = {"Authorization": "Bearer sk-admin"}
        made = await client.put(f"{prefix}{ACCOUNTS}/user:a%2Fb", json={}, headers=headers)
        assert made.json()["id"] == "user:a/b"
        assert (await client.delete(f"{prefix}{ACCOUNTS}/user:x", headers=headers)).headers["allow"] == "GET, PUT"


async def test_mounting_again_replaces_the_first(ledger: MemoryLedger, api: FastAPI) -> None:
    host = FastAPI()
    mount(host, api)
    mount(host, build_api(ledger, FakeAuthenticator()))
    assert sum(getattr(route, "path", "") == "/solaris" for route in host.router.routes) == 1
