"""Lists of accounts over the API: conditions, orders and cursors."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import httpx
import pytest

from tests.unit.web.asking import ACCOUNTS, error_of, make_account

ORDERS = ("id", "use_percent", "used", "remaining", "last_used", "created")


@pytest.fixture
async def people(client: httpx.AsyncClient) -> httpx.AsyncClient:
    for name in ("user:a", "user:b", "user:c"):
        await make_account(client, name)
    await make_account(client, "user:b", status="suspended", status_reason="x")
    await client.post(
        f"{ACCOUNTS}/user:a/credits", json={"tokens": 5, "reason": "r", "idempotency_key": "k", "origin": "grant"}
    )
    return client


async def listed(client: httpx.AsyncClient, **parameters: str) -> list[str]:
    """Ids of a whole list, in pages of one."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(ACCOUNTS, params={"limit": "1", **parameters, **cursor})
        assert answer.status_code == 200, answer.text
        found += [each["id"] for each in answer.json()["data"]]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_conditions_are_met_together(people: httpx.AsyncClient) -> None:
    assert await listed(people, status="active") == ["user:a", "user:c"]
    assert await listed(people, status="suspended", query="USER:B", plan="default", state="normal") == ["user:b"]
    assert await listed(people, used_after="2026-01-01T00:00:00Z") == []
    assert await listed(people, used_before="2026-01-01T00:00:00Z", plan="other") == []


@pytest.mark.parametrize("order", ORDERS)
async def test_each_order_can_be_turned_round(people: httpx.AsyncClient, order: str) -> None:
    there = await listed(people, sort=order)
    assert len(there) == 3
    assert await listed(people, sort=f"-{order}") == there[::-1]


async def test_what_remains_decides_the_order(people: httpx.AsyncClient) -> None:
    assert await listed(people, sort="-remaining") == ["user:a", "user:c", "user:b"]


async def test_a_cursor_of_another_order_is_refused(people: httpx.AsyncClient) -> None:
    page = (await people.get(ACCOUNTS, params={"limit": "1", "sort": "used"})).json()
    for sort in ("-used", "created", "id"):
        answer = await people.get(ACCOUNTS, params={"sort": sort, "cursor": page["next_cursor"]})
        assert error_of(answer, 400)["param"] == "cursor"


@pytest.mark.parametrize(
    ("sort", "text"),
    [
        ("used", '["used", "1; DROP", "user:a"]'),
        ("used", '["used", "9223372036854775808", "user:a"]'),
        ("used", '["used", 1.5e300, "user:a"]'),
        ("created", '["created", "yesterday", "user:a"]'),
        ("created", '["created", "2026-01-01T00:00:00", "user:a"]'),
        ("id", '["id", "", "nobody"]'),
        ("id", '["id", ""]'),
        ("id", "[" * 1000),
        ("id", "null"),
    ],
)
async def test_a_forged_cursor_is_refused(people: httpx.AsyncClient, sort: str, text: str) -> None:
    cursor = urlsafe_b64encode(text.encode()).decode()
    answer = await people.get(ACCOUNTS, params={"sort": sort, "cursor": cursor})
    assert error_of(answer, 400)["param"] == "cursor"


@pytest.mark.parametrize(
    ("name", "value"),
    [("sort", "name"), ("status", "gone"), ("state", "rich"), ("used_after", "yesterday"), ("plan", "x" * 65)],
)
async def test_what_no_list_knows_is_refused_by_name(people: httpx.AsyncClient, name: str, value: str) -> None:
    assert error_of(await people.get(ACCOUNTS, params={name: value}), 400)["param"] == name
