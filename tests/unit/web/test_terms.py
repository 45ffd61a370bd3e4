"""Terms of single accounts through the API."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.web.asking import ACCOUNTS, VIEWER, error_of, make_account

MARIA = f"{ACCOUNTS}/user:maria"
PLANS = "/solaris/api/v1/plans"


@pytest.fixture(autouse=True)
async def maria(client: httpx.AsyncClient) -> None:
    await client.put(f"{PLANS}/big", json={"monthly_tokens": 2_000_000})
    await make_account(client)


async def test_a_plan_is_changed_now_and_shared_by_time(client: httpx.AsyncClient) -> None:
    changed = await client.put(f"{MARIA}/plan", json={"plan": "big", "reason": "Grew"})
    assert (changed.json()["plan"], changed.json()["allowance"]["granted"]) == ("big", 2_000_000)
    back = {"plan": "default", "pro_rata": True, "reason": "Shrank"}
    shared = (await client.put(f"{MARIA}/plan", json=back)).json()
    # 8 days and 15 hours of the month's 30 days are left.
    assert shared["allowance"]["granted"] == 2_000_000 - 2_000_000 * 207 // 720 + 1_000_000 * 207 // 720


async def test_a_change_at_the_renewal_is_shown_and_can_be_cancelled(client: httpx.AsyncClient) -> None:
    scheduled = await client.put(f"{MARIA}/plan", json={"plan": "big", "when": "renewal", "reason": "Grows"})
    assert scheduled.json()["scheduled_plan"] == {
        "plan": "big",
        "at": "2026-11-22T12:00:00Z",
        "reason": "Grows",
        "actor": "admin:boss",
    }
    cancelled = await client.delete(f"{MARIA}/scheduled_plan", params={"reason": "No"})
    assert (cancelled.json()["plan"], cancelled.json()["scheduled_plan"]) == ("default", None)
    audit = (await client.get("/solaris/api/v1/audit", params={"account": "user:maria"})).json()["data"]
    assert [(each["action"], each["reason"]) for each in audit[:2]] == [
        ("account.plan_unscheduled", "No"),
        ("account.plan_scheduled", "Grows"),
    ]


async def test_an_account_has_terms_of_its_own_until_they_are_taken_away(client: httpx.AsyncClient) -> None:
    body = {"overdraft": 70, "max_in_flight": None, "thresholds": [50], "until": "2026-12-24T00:00:00Z"}
    given = (await client.put(f"{MARIA}/overrides", json=body | {"reason": "Thesis"})).json()
    assert given["terms"]["overdraft"] == 70
    assert [(each["field"], each["value"]) for each in given["overrides"]] == [
        ("max_in_flight", None),
        ("overdraft", 70),
        ("thresholds", [50]),
    ]
    assert given["overrides"][1] == {
        "field": "overdraft",
        "value": 70,
        "until": "2026-12-24T00:00:00Z",
        "at": "2026-11-22T12:00:00Z",
        "reason": "Thesis",
        "actor": "admin:boss",
    }
    ended = (await client.delete(f"{MARIA}/overrides/overdraft", params={"reason": "Done"})).json()
    assert ended["terms"]["overdraft"] == 0
    assert [each["field"] for each in ended["overrides"]] == ["max_in_flight", "thresholds"]


async def test_a_user_sees_his_terms_but_not_who_set_them_and_why(client: httpx.AsyncClient) -> None:
    await client.put(f"{MARIA}/overrides", json={"overdraft": 70, "reason": "Thesis"})
    await client.put(f"{MARIA}/plan", json={"plan": "big", "when": "renewal", "reason": "Grows"})
    me = (await client.get("/solaris/api/v1/me", headers={"Authorization": "Bearer sk-user-maria"})).json()
    assert (me["overrides"][0]["value"], me["overrides"][0]["actor"], me["overrides"][0]["reason"]) == (70, None, None)
    assert me["scheduled_plan"]["plan"] == "big"
    assert (me["scheduled_plan"]["actor"], me["scheduled_plan"]["reason"]) == (None, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"),
    [
        ("PUT", "plan", {"plan": "big"}, 400, "reason"),
        ("PUT", "plan", {"plan": "gone", "reason": "r"}, 404, "plan_id"),
        ("PUT", "plan", {"plan": "big", "reason": "r", "when": "later"}, 400, "when"),
        ("PUT", "plan", {"plan": "big", "reason": "r", "when": "renewal", "pro_rata": True}, 400, None),
        ("PUT", "overrides", {"reason": "r"}, 400, None),
        ("PUT", "overrides", {"overdraft": None, "reason": "r"}, 400, None),
        ("PUT", "overrides", {"overdraft": 1}, 400, "reason"),
        ("PUT", "overrides", {"thresholds": [90, 80], "reason": "r"}, 400, "thresholds"),
        ("PUT", "overrides", {"overdraft": 1, "until": "2026-11-22T12:00:00Z", "reason": "r"}, 400, "until"),
        ("DELETE", "overrides/price", None, 400, "field"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int, param: str | None
) -> None:
    response = await client.request(method, f"{MARIA}/{path}", json=body)
    assert error_of(response, status)["param"] == param


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "plan", {"plan": "big", "reason": "r"}),
        ("DELETE", "scheduled_plan", None),
        ("PUT", "overrides", {"overdraft": 1, "reason": "r"}),
        ("DELETE", "overrides/overdraft", None),
    ],
)
async def test_there_must_be_an_account_and_the_right_to_change_it(
    client: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    error_of(await client.request(method, f"{ACCOUNTS}/user:nobody/{path}", json=body), 404)
    error_of(await client.request(method, f"{MARIA}/{path}", json=body, headers=VIEWER), 403)
