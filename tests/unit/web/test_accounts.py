"""Accounts through the API: reading, making, changing, listing."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.web.asgi import _with_encoded_slashes
from solaris_hooks.web.dependencies import segment
from tests.unit.web.asking import ACCOUNTS, error_of, make_account

MARIA = AccountId("user:maria")


async def test_an_account_reads_as_promised(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client, email="maria@example.org", name="Maria")
    hold = HoldId(UUID(int=1))
    await ledger.hold(HoldRequest(MARIA, hold, "gpt", want=400, minimum=10, prompt=10, lease_seconds=60))
    await ledger.hold(HoldRequest(MARIA, HoldId(UUID(int=2)), "gpt", 70, 10, 10, lease_seconds=60))
    await ledger.settle(Settlement(MARIA, hold, "gpt", 300, Usage(100, 200), UsageSource.PROVIDER))

    response = await client.get(f"{ACCOUNTS}/user:maria")

    assert response.status_code == 200
    assert response.json() == {
        "id": "user:maria",
        "status": "active",
        "status_reason": None,
        "state": "normal",
        "plan": "default",
        "email": "maria@example.org",
        "name": "Maria",
        "locale": "pt_BR",
        "time_zone": "America/Sao_Paulo",
        "period": {"start": "2026-11-01T03:00:00Z", "end": "2026-12-01T03:00:00Z"},
        "allowance": {"granted": 1_000_000, "used": 300},
        "credits": {"remaining": 0, "lots": []},
        "held": 70,
        "available": 999_630,
        "overage": 0,
        "use_percent": 0,
        "terms": {"overdraft": 0, "max_in_flight": None, "allowed_models": None, "notices": True},
        "overrides": [],
        "scheduled_plan": None,
        "trial_ends_at": None,
        "member_limit": None,
        "share": None,
    }


async def test_an_unknown_account_is_404(client: httpx.AsyncClient) -> None:
    for path in ("", "/entries", "/usage"):
        error = error_of(await client.get(f"{ACCOUNTS}/user:nobody{path}"), 404)
        assert error["type"] == "not_found"
        assert error["param"] == "account_id"


async def test_put_makes_an_account_and_then_changes_only_what_is_sent(client: httpx.AsyncClient) -> None:
    made = await client.put(f"{ACCOUNTS}/user:maria", json={"email": "a@b.c", "time_zone": "Europe/Lisbon"})
    assert made.json()["allowance"]["granted"] == 1_000_000
    changed = (await client.put(f"{ACCOUNTS}/user:maria", json={"name": "Maria", "locale": "en"})).json()
    assert (changed["email"], changed["name"], changed["locale"], changed["time_zone"]) == (
        "a@b.c",
        "Maria",
        "en",
        "Europe/Lisbon",
    )


async def test_an_empty_text_clears(client: httpx.AsyncClient) -> None:
    await make_account(client, email="a@b.c", name="Maria")
    cleared = (await client.put(f"{ACCOUNTS}/user:maria", json={"email": "", "name": ""})).json()
    assert (cleared["email"], cleared["name"]) == (None, None)


async def test_a_change_of_plan_applies_at_once(client: httpx.AsyncClient) -> None:
    await make_account(client)
    await client.put("/solaris/api/v1/plans/big", json={"monthly_tokens": 5_000_000})
    changed = await client.put(f"{ACCOUNTS}/user:maria", json={"plan": "big"})
    assert changed.json()["plan"] == "big"
    assert changed.json()["available"] == 5_000_000


async def test_an_unknown_plan_is_404_and_makes_no_account(client: httpx.AsyncClient) -> None:
    assert error_of(await client.put(f"{ACCOUNTS}/user:maria", json={"plan": "none"}), 404)["param"] == "plan_id"
    error_of(await client.get(f"{ACCOUNTS}/user:maria"), 404)


async def test_a_suspension_carries_its_reason_until_the_account_is_active(client: httpx.AsyncClient) -> None:
    suspended = {"status": "suspended", "status_reason": "Fatura em aberto"}
    assert (await client.put(f"{ACCOUNTS}/user:maria", json=suspended)).json() | suspended == (
        await client.get(f"{ACCOUNTS}/user:maria")
    ).json()
    active = await client.put(f"{ACCOUNTS}/user:maria", json={"status": "active"})
    assert active.json()["status_reason"] is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"plam": "default"}, "plam"),
        ({"status": "Active"}, "status"),
        ({"status": "deleted"}, "status"),
        ({"plan": None}, None),
        ({"plan": ""}, "plan"),
        ({"plan": 1}, "plan"),
        ({"email": "no address"}, "email"),
        ({"email": "a@b\n.c"}, "email"),
        ({"email": "x" * 300 + "@b.c"}, "email"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\u2028b"}, "name"),
        ({"name": "a\x1b[2Jb"}, "name"),
        ({"name": "a\x85b"}, "name"),
        ({"name": "x" * 501}, "name"),
        ({"name": ["x"]}, "name"),
        ({"locale": "xx"}, "locale"),
        ({"locale": "pt-BR"}, "locale"),
        ({"time_zone": "Brazil"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"anchor_day": 0}, "anchor_day"),
        ({"anchor_day": 32}, "anchor_day"),
        ({"anchor_day": True}, "anchor_day"),
        ({"anchor_day": "1"}, "anchor_day"),
        ({"anchor_day": 1.0}, "anchor_day"),
    ],
)
async def test_a_field_that_cannot_be_is_refused_by_name(
    client: httpx.AsyncClient, fields: dict[str, object], param: str | None
) -> None:
    error = error_of(await client.put(f"{ACCOUNTS}/user:maria", json=fields), 400)
    assert error["type"] == "invalid_request"
    assert error["param"] == param
    if param != "time_zone":  # whose message says which zone
        assert next(iter(fields)) in str(error["message"])
    error_of(await client.get(f"{ACCOUNTS}/user:maria"), 404)


async def test_a_lone_surrogate_is_no_text(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = await client.put(f"{ACCOUNTS}/user:maria", content=rb'{"name": "\ud800"}', headers=headers)
    assert error_of(response, 400)["param"] == "name"


HOSTILE_IDS = [
    "user:a/b",
    "user:a/entries",
    "user:/",
    "user:..",
    "user:../accounts",
    "user:a%2Fb",
    "user:a%252Fb",
    "user:100%",
    "user:%",
    "user:maria@example.org",
    "user:a b",
    "user:a+b",
    "user:a?b=c#d",
    "user:a;b",
    "user:a:b",
    "user:ção",
    "user:👩\u200d🚀",
    'user:"<script>',
    "user:%(x)s",
    "user:' OR 1=1 --",
    "key:" + "a" * 64,
    "end_user:x/usage",
    "user:" + "x" * 295,
]


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
async def test_every_id_has_an_address(client: httpx.AsyncClient, hostile: str) -> None:
    await make_account(client, "user:a")
    await make_account(client, "user:x")
    path = f"{ACCOUNTS}/{quote(hostile, safe='')}"
    assert (await client.put(path, json={})).json()["id"] == hostile
    assert (await client.get(path)).json()["id"] == hostile
    credits_body = {"tokens": 5, "reason": "r", "idempotency_key": "k"}
    assert (await client.post(f"{path}/credits", json=credits_body)).json()["id"] == hostile
    entries = (await client.get(f"{path}/entries")).json()["data"]
    assert [entry["kind"] for entry in entries] == ["credit", "opening"]
    assert (await client.get(f"{path}/usage")).status_code == 200
    assert [each["id"] for each in (await client.get(ACCOUNTS, params={"query": hostile})).json()["data"]] == [hostile]


@given(st.text(max_size=50))
def test_a_segment_of_the_path_survives_any_encoding(text: str) -> None:
    for encoded in (quote(text, safe=""), "".join(f"%{byte:02x}" for byte in text.encode())):
        decoded = _with_encoded_slashes(f"/a/{encoded}".encode())
        assert decoded.count("/") == 2
        assert segment(decoded.removeprefix("/a/")) == text


@pytest.mark.parametrize(
    "wrong",
    [
        "maria",
        "user:",
        "User:maria",
        "group:x",
        "user:%20x",
        "user:x%20",
        "user:a%00b",
        "user:a%0Ab",
        "user:" + "x" * 296,
    ],
)
async def test_what_is_no_account_id_is_refused(client: httpx.AsyncClient, wrong: str) -> None:
    assert error_of(await client.put(f"{ACCOUNTS}/{wrong}", json={}), 400)["param"] == "account_id"


async def test_an_unencoded_slash_is_told_how_to_be_written(client: httpx.AsyncClient) -> None:
    assert "%2F" in str(error_of(await client.put(f"{ACCOUNTS}/user:a/b", json={}), 404)["message"])


async def test_pages_hold_every_account_once(client: httpx.AsyncClient) -> None:
    for number in range(7):
        await make_account(client, f"user:u{number}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(ACCOUNTS, params=parameters)).json()
        seen += [account["id"] for account in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"user:u{number}" for number in range(7)]


async def test_a_search_finds_parts_of_ids_addresses_and_names(client: httpx.AsyncClient) -> None:
    await make_account(client, "user:1", email="maria@example.org")
    await make_account(client, "user:2", name="Maria José")
    await make_account(client, "user:MARIA")
    await make_account(client, "user:4", name="100%_")
    found = (await client.get(ACCOUNTS, params={"query": "mARia"})).json()["data"]
    assert [account["id"] for account in found] == ["user:1", "user:2", "user:MARIA"]
    assert [each["id"] for each in (await client.get(ACCOUNTS, params={"query": "%_"})).json()["data"]] == ["user:4"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%F0%9F%92%A9", "cursor"),
        ("cursor=bm9uZXNlbnNl", "cursor"),
        ("cursor=", "cursor"),
        ("query=" + "x" * 301, "query"),
        ("limits=5", "limits"),
    ],
)
async def test_a_parameter_that_cannot_be_is_refused_by_name(client: httpx.AsyncClient, query: str, param: str) -> None:
    assert error_of(await client.get(f"{ACCOUNTS}?{query}"), 400)["param"] == param
