"""The JSON API on a stock proxy, with keys that LiteLLM made."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.world import World, sim, until

API = "/solaris/api/v1"
_NAMES = itertools.count(1)


@pytest.fixture
def admin(world: World) -> Iterator[httpx.Client]:
    """A client with the master key."""
    with world.proxy.client() as client:
        yield client


def unique(name: str) -> str:
    return f"{name}-{next(_NAMES)}-{time.monotonic_ns()}"


def user_with_role(admin: httpx.Client, role: str) -> str:
    name = unique(role)
    made = admin.post("/user/new", json={"user_id": name, "user_role": role, "auto_create_key": False})
    assert made.status_code == 200, made.text
    return name


def key_of(admin: httpx.Client, user: str | None = None, **fields: object) -> str:
    owner = {"user_id": user} if user else {}
    made = admin.post("/key/generate", json={**owner, **fields})
    assert made.status_code == 200, made.text
    return str(made.json()["key"])


def ask(world: World, key: str, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    with world.proxy.client(key) as client:
        return client.request(method, f"{API}{path}", **options)


def error_type(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert list(error) == ["type", "message", "param", "code"]
    assert error["code"] == str(status)
    # Nothing of LiteLLM's own texts, which quote keys, hashes, roles and routes.
    assert not any(each in error["message"] for each in ("Authentication Error", "Hash", "Traceback", "sk-"))
    return str(error["type"])


def test_the_account_shows_exactly_what_the_answer_used(world: World, admin: httpx.Client) -> None:
    user = world.user()
    before = admin.put(f"{API}/accounts/{user.account_id}", json={"name": "Maria"}).json()
    assert before["available"] == before["allowance"]["granted"] == 1_000_000
    answer = user.chat(sim(prompt_tokens=120, completion_tokens=34))
    assert answer.status_code == 200
    user.settled()
    after = admin.get(f"{API}/accounts/{user.account_id}").json()
    assert after["allowance"]["used"] == answer.json()["usage"]["total_tokens"]
    assert after["held"] == 0
    usage = admin.get(f"{API}/accounts/{user.account_id}/usage").json()
    assert usage["totals"]["charge"] == after["allowance"]["used"]
    assert usage["totals"]["requests"] == 1


def test_credits_unblock_a_user_at_once(world: World, admin: httpx.Client) -> None:
    user = world.user(tokens=1)
    assert user.chat(sim()).status_code == 402
    grant = {"tokens": 50_000, "reason": "Bought", "idempotency_key": "invoice-1"}
    path = f"{API}/accounts/{user.account_id}/credits"
    assert [admin.post(path, json=grant).status_code for _ in range(2)] == [201, 200]
    assert admin.post(path, json=grant | {"tokens": 1}).status_code == 409
    assert user.chat(sim()).status_code == 200
    [entry] = [
        each
        for each in admin.get(f"{API}/accounts/{user.account_id}/entries").json()["data"]
        if each["kind"] == "credit"
    ]
    assert (entry["tokens"], entry["actor"], entry["reason"]) == (50_000, "admin:master-key", "Bought")


def test_credits_that_a_user_asks_for_unblock_him_when_approved(world: World, admin: httpx.Client) -> None:
    user = world.user(tokens=1)
    assert user.chat(sim()).status_code == 402
    made = ask(world, user.key, "/me/requests", "POST", json={"tokens": 50_000, "reason": "Relatório"})
    assert made.status_code == 201, made.text
    request = made.json()["id"]
    decide = f"/requests/{request}/approve"
    assert error_type(ask(world, user.key, decide, "POST"), 403) == "forbidden"
    [waiting] = [each for each in admin.get(f"{API}/requests?state=requested").json()["data"] if each["id"] == request]
    assert (waiting["account_id"], waiting["reason"]) == (user.account_id, "Relatório")
    approved = admin.post(f"{API}{decide}", json={"reason": "ok"})
    assert (approved.status_code, approved.json()["decided_by"]) == (200, "admin:master-key")
    assert user.chat(sim()).status_code == 200
    audit = admin.get(f"{API}/audit", params={"account": user.account_id}).json()["data"]
    assert [each["action"] for each in audit][:2] == ["request.approve", "request.create"]
    span = {"since": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "affected": "any"}
    dry = {"campaign": "c", "tokens": 5, "reason": "r", "dry_run": True} | span
    hit = admin.post(f"{API}/compensations", json=dry).json()["data"]
    assert user.account_id in {each["account_id"] for each in hit}


def test_a_suspension_stops_a_user_at_once(world: World, admin: httpx.Client) -> None:
    user = world.user()
    suspended = {"status": "suspended", "status_reason": "Fatura em aberto"}
    assert admin.put(f"{API}/accounts/{user.account_id}", json=suspended).status_code == 200
    assert user.chat(sim()).status_code == 403
    admin.put(f"{API}/accounts/{user.account_id}", json={"status": "active"})
    assert user.chat(sim()).status_code == 200


def test_a_proxy_admin_s_key_may_do_all_and_is_named_in_the_books(world: World, admin: httpx.Client) -> None:
    boss = user_with_role(admin, "proxy_admin")
    key = key_of(admin, boss)
    user = world.user()
    ask(world, key, f"/accounts/{user.account_id}", "PUT", json={})
    grant = {"tokens": 5, "reason": "r", "idempotency_key": "k"}
    granted = ask(world, key, f"/accounts/{user.account_id}/credits", "POST", json=grant)
    assert granted.status_code == 201
    assert granted.json()["credits"]["lots"][0]["actor"] == f"admin:{boss}"


def test_a_viewer_s_key_reads_and_verifies_but_changes_nothing(world: World, admin: httpx.Client) -> None:
    key = key_of(admin, user_with_role(admin, "proxy_admin_viewer"))
    user = world.user()
    admin.put(f"{API}/accounts/{user.account_id}", json={})
    assert ask(world, key, f"/accounts/{user.account_id}").status_code == 200
    assert ask(world, key, "/ledger/verify", "POST", json={"account_id": user.account_id}).json()["ok"]
    assert error_type(ask(world, key, f"/accounts/{user.account_id}", "PUT", json={}), 403) == "forbidden"
    assert error_type(ask(world, key, "/plans/x", "PUT", json={"monthly_tokens": 1}), 403) == "forbidden"


def test_an_administrator_who_is_one_no_more_is_refused(world: World, admin: httpx.Client) -> None:
    boss = user_with_role(admin, "proxy_admin")
    key = key_of(admin, boss)
    assert ask(world, key, "/accounts").status_code == 200
    admin.post("/user/update", json={"user_id": boss, "user_role": "internal_user"})
    assert error_type(ask(world, key, "/accounts"), 403) == "forbidden"


def test_an_admin_s_key_that_is_restricted_to_routes_stays_so(world: World, admin: httpx.Client) -> None:
    boss = user_with_role(admin, "proxy_admin")
    elsewhere = key_of(admin, boss, allowed_routes=["/v1/models"])
    assert error_type(ask(world, elsewhere, "/accounts"), 403) == "forbidden"
    here = key_of(admin, boss, allowed_routes=[f"{API}/plans"])
    assert ask(world, here, "/plans/default").status_code == 200
    assert error_type(ask(world, here, "/accounts"), 403) == "forbidden"


@pytest.mark.parametrize(
    "path",
    [
        "/accounts",
        "/accounts/user:x",
        "/plans",
        # Paths that LiteLLM's own patterns could take for a model's or an information route.
        "/accounts/" + quote("user:/v1/chat/completions", safe=""),
        "/accounts/" + quote("user:/openai/deployments/x/chat/completions", safe=""),
        "/accounts/" + quote("user:/v1/threads/x", safe=""),
        "/accounts/" + quote("user:/key/info", safe=""),
    ],
)
def test_an_ordinary_key_reads_no_account_but_its_own(world: World, path: str) -> None:
    user = world.user()
    assert error_type(ask(world, user.key, path), 403) == "forbidden"
    assert error_type(
        ask(world, user.key, path, "PUT", json={"monthly_tokens": 1}),
        403 if path not in {"/plans", "/accounts"} else 405,
    )
    own = ask(world, user.key, "/me")
    assert own.status_code == 200
    assert own.json()["id"] == user.account_id


def test_all_keys_of_a_user_show_one_account(world: World, admin: httpx.Client) -> None:
    user = world.user(tokens=7000)
    other = key_of(admin, user.name, models=["demo"], key_type="llm_api")
    assert {ask(world, key, "/me").json()["id"] for key in (user.key, other)} == {user.account_id}
    assert ask(world, other, "/me").json()["available"] == 7000


def test_a_key_of_nobody_pays_for_itself(world: World, admin: httpx.Client) -> None:
    assert ask(world, key_of(admin), "/me").json()["id"].startswith("key:")


@pytest.mark.parametrize(
    "fields",
    [
        {"key_type": "llm_api"},
        {"allowed_routes": ["/v1/chat/completions"]},
        {"allowed_routes": ["/solaris/api/v1/me"]},
        {"max_budget": 0.0},
        {"models": ["demo"]},
    ],
)
def test_any_valid_key_reads_its_own_account(world: World, admin: httpx.Client, fields: dict[str, object]) -> None:
    user = world.user()
    own = ask(world, key_of(admin, user.name, **fields), "/me")
    assert own.status_code == 200, own.text
    assert own.json()["id"] == user.account_id


def test_the_master_key_has_no_account(world: World) -> None:
    assert error_type(ask(world, world.proxy.master_key, "/me"), 403) == "forbidden"


def test_keys_that_are_no_longer_good_open_nothing(world: World, admin: httpx.Client) -> None:
    user = world.user()
    boss = user_with_role(admin, "proxy_admin")
    for owner, path in ((user.name, "/me"), (boss, "/accounts")):
        expired, blocked, deleted = key_of(admin, owner, duration="1s"), key_of(admin, owner), key_of(admin, owner)
        assert {ask(world, key, path).status_code for key in (blocked, deleted)} == {200}
        admin.post("/key/block", json={"key": blocked})
        admin.post("/key/delete", json={"keys": [deleted]})
        until(lambda key=expired, path=path: ask(world, key, path).status_code == 401)  # type: ignore[misc]
        for key in (expired, blocked, deleted, "sk-never-made", "nonsense", "Bearer", "'"):
            for address in (path, "/accounts", "/me"):
                assert error_type(ask(world, key, address), 401) == "unauthenticated"


def test_a_deactivated_user_s_keys_open_nothing(world: World, admin: httpx.Client) -> None:
    user = world.user()
    assert ask(world, user.key, "/me").status_code == 200
    admin.post("/user/update", json={"user_id": user.name, "metadata": {"scim_active": False}})
    assert error_type(ask(world, user.key, "/me"), 401) == "unauthenticated"


def test_without_a_key_only_health_and_the_description_answer(world: World) -> None:
    with httpx.Client(base_url=world.proxy.base_url, trust_env=False) as client:
        assert client.get("/solaris/health").json() == {"status": "ok"}
        description = client.get(f"{API}/openapi.json").json()
        assert description["openapi"].startswith("3.")
        for path, operations in description["paths"].items():
            if path == "/health":
                continue
            for method in operations:
                address = "/solaris" + path.replace("{account}", "user:x").replace("{plan}", "default")
                response = client.request(method, address)
                assert error_type(response, 401) == "unauthenticated"


def test_litellm_s_other_headers_carry_the_key_too(world: World) -> None:
    for headers in (
        {"x-litellm-api-key": f"Bearer {world.proxy.master_key}"},
        {"x-litellm-api-key": world.proxy.master_key},
        {"x-api-key": world.proxy.master_key},
    ):
        assert httpx.get(f"{world.proxy.base_url}{API}/plans", headers=headers).status_code == 200


def test_an_id_with_slashes_is_one_account_through_the_whole_server(world: World, admin: httpx.Client) -> None:
    name = unique("a/entries %2F?#é")
    address = f"{API}/accounts/{quote(f'user:{name}', safe='')}"
    assert admin.put(address, json={}).json()["id"] == f"user:{name}"
    assert [each["kind"] for each in admin.get(f"{address}/entries").json()["data"]] == ["opening"]
    assert world.rows("SELECT account_id FROM solaris.accounts WHERE account_id = %s", f"user:{name}")


def test_concurrent_grants_with_one_key_grant_once(world: World, admin: httpx.Client) -> None:
    user = world.user(tokens=0)
    grant = {"tokens": 100, "reason": "r", "idempotency_key": "k"}
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(admin.post, f"{API}/accounts/{user.account_id}/credits", json=grant) for _ in range(8)]
    assert {post.result().status_code for post in posts} <= {200, 201}
    assert admin.get(f"{API}/accounts/{user.account_id}").json()["available"] == 100


def test_errors_have_the_one_shape_through_the_whole_server(world: World, admin: httpx.Client) -> None:
    assert error_type(admin.get("/solaris/none"), 404) == "not_found"
    assert error_type(admin.get(f"{API}/accounts/user:{unique('nobody')}"), 404) == "not_found"
    assert error_type(admin.delete(f"{API}/accounts/user:x"), 405) == "method_not_allowed"
    assert error_type(admin.put(f"{API}/accounts/user:x", json={"plam": "x"}), 400) == "invalid_request"
    content = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert error_type(admin.put(f"{API}/accounts/user:x", **content), 400) == "invalid_request"  # type: ignore[arg-type]
    assert error_type(admin.put(f"{API}/accounts/user:a%0Ab", json={}), 400) == "invalid_request"


def test_a_body_cannot_lead_litellm_astray(world: World, admin: httpx.Client) -> None:
    """LiteLLM reads bodies while it checks keys: a model or a user in one must not decide anything."""
    key = key_of(admin, user_with_role(admin, "proxy_admin"), models=["light"])
    body = {"model": "heavy", "user": "somebody", "metadata": {"tags": ["x"]}}
    response = ask(world, key, f"/accounts/{world.user().account_id}", "PUT", json=body)
    assert error_type(response, 400) == "invalid_request"


def test_the_books_verify(world: World, admin: httpx.Client) -> None:
    user = world.user()
    user.chat(sim())
    user.settled()
    verified = admin.post(f"{API}/ledger/verify", json={"account_id": user.account_id}).json()
    assert verified["ok"]
    assert verified["entries"] == 2


def test_litellm_s_own_routes_are_as_before(world: World, admin: httpx.Client) -> None:
    assert admin.get("/v1/models").status_code == 200
    assert admin.get("/health/liveliness").status_code == 200
    assert admin.get("/none").json() == {"detail": "Not Found"}
    assert "/solaris" not in str(list(admin.get("/openapi.json").json()["paths"]))
