"""Members of teams in the API: for administrators, and what a member himself sees."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, MemberId, member_id, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.web.access import Holder
from solaris_hooks.web.api import build_api
from tests.unit.web.asking import ACCOUNTS, ADMIN, VIEWER, FakeAuthenticator, error_of, make_account

TEAM = AccountId("team:red")
MEMBERS = f"{ACCOUNTS}/{TEAM}/members"
RUI = {"Authorization": "Bearer sk-user-rui"}
EVA = {"Authorization": "Bearer sk-user-eva"}


class TeamAuthenticator(FakeAuthenticator):
    """Everybody's key is of one team."""

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        own = await super().holder(request, key=key)
        return Holder(TEAM, own.email, member_id(own.account_id))


@pytest.fixture
async def team(ledger: MemoryLedger) -> AsyncIterator[httpx.AsyncClient]:
    """The API as members of the team ask it."""
    api = build_api(ledger, TeamAuthenticator())
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy/api/v1") as made:
        yield made


async def use(ledger: MemoryLedger, name: str, charge: int) -> None:
    member = MemberId(f"user:{name}")
    hold_id = new_hold_id()
    await ledger.hold(HoldRequest(TEAM, hold_id, "m", charge, 1, 1, 60, f"{name}@example.org", member_id=member))
    await ledger.settle(Settlement(TEAM, hold_id, "m", charge, Usage(charge, 0), UsageSource.PROVIDER))


async def test_limits_are_put_listed_and_audited(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client, TEAM)
    await use(ledger, "rui", 400)
    await use(ledger, "eva", 100)
    put = await client.put(MEMBERS, json={"limit": 500, "reason": "ten of us"})
    assert put.status_code == 200, put.text
    put = await client.put(f"{MEMBERS}/user:eva", json={"limit": None, "reason": "leads"})
    assert put.json() == {
        "member_id": "user:eva",
        "limit": None,
        "used": 100,
        "held": 0,
        "remaining": 999_500,
        "limit_is_own": True,
        "email": "eva@example.org",
    }
    page = (await client.get(MEMBERS, params={"limit": 1})).json()
    assert (page["default_limit"], [each["member_id"] for each in page["data"]]) == (500, ["user:eva"])
    page = (await client.get(MEMBERS, params={"cursor": page["next_cursor"]})).json()
    assert [(each["member_id"], each["limit"], each["remaining"]) for each in page["data"]] == [("user:rui", 500, 100)]
    assert page["next_cursor"] is None
    assert (await client.put(f"{MEMBERS}/user:eva", json={"limit": "default", "reason": "r"})).json()["limit"] == 500
    trail = (await client.get("/solaris/api/v1/audit", params={"account": TEAM, "limit": 3})).json()["data"]
    assert [(each["action"], each["subject"], each["after"], each["actor"], each["reason"]) for each in trail] == [
        ("member.limit", "user:eva", {"limit": "default"}, "admin:boss", "r"),
        ("member.limit", "user:eva", {"limit": None}, "admin:boss", "leads"),
        ("member.default_limit", TEAM, {"limit": 500}, "admin:boss", "ten of us"),
    ]


async def test_a_members_use_is_his_own(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client, TEAM)
    await use(ledger, "rui", 400)
    await use(ledger, "eva", 100)
    usage = (await client.get(f"{MEMBERS}/user:rui/usage")).json()
    assert usage["totals"]["charge"] == 400
    error_of(await client.get(f"{MEMBERS}/user:nobody/usage"), 404)


@pytest.mark.parametrize(
    "body", [{}, {"limit": 1}, {"limit": -1, "reason": "r"}, {"limit": "all", "reason": "r"}, {"limit": 1, "x": 1}]
)
async def test_what_is_no_limit_is_refused(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    await make_account(client, TEAM)
    for url in (MEMBERS, f"{MEMBERS}/user:rui"):
        error_of(await client.put(url, json=body), 400)
    assert (await client.get(MEMBERS)).json()["data"] == []


async def test_there_are_members_of_teams_alone(client: httpx.AsyncClient) -> None:
    await make_account(client)
    body = {"limit": 1, "reason": "r"}
    error_of(await client.put(f"{ACCOUNTS}/user:maria/members", json=body), 400)
    error_of(await client.put(f"{ACCOUNTS}/team:none/members", json=body), 404)
    error_of(await client.get(f"{ACCOUNTS}/team:none/members"), 404)
    await make_account(client, TEAM)
    error_of(await client.get(f"{MEMBERS}/user:nobody"), 404)
    error_of(await client.put(f"{MEMBERS}/end_user:x", json=body), 400)
    error_of(await client.get(MEMBERS, params={"cursor": "x"}), 400)


async def test_viewers_read_and_users_do_not(client: httpx.AsyncClient) -> None:
    await make_account(client, TEAM)
    assert (await client.get(MEMBERS, headers=VIEWER)).status_code == 200
    error_of(await client.put(MEMBERS, json={"limit": 1, "reason": "r"}, headers=VIEWER), 403)
    error_of(await client.get(MEMBERS, headers=RUI), 403)


async def test_me_is_the_team_with_what_is_ones_own(
    client: httpx.AsyncClient, team: httpx.AsyncClient, ledger: MemoryLedger
) -> None:
    await make_account(client, TEAM)
    await use(ledger, "rui", 400)
    await use(ledger, "eva", 100)
    await client.put(MEMBERS, json={"limit": 500, "reason": "r"})
    me = (await team.get("/me", headers=RUI)).json()
    assert (me["id"], me["allowance"]["used"], me["available"]) == (TEAM, 500, 100)
    assert me["share"] == {"member_id": "user:rui", "limit": 500, "used": 400, "held": 0, "remaining": 100}
    assert "eva" not in str(me)
    assert (await team.get("/me/usage", headers=RUI)).json()["totals"]["charge"] == 400
    error_of(await team.get("/me/entries", headers=RUI), 403)


async def test_the_first_look_makes_the_team_without_the_members_address(
    team: httpx.AsyncClient, ledger: MemoryLedger
) -> None:
    me = (await team.get("/me", headers=RUI)).json()
    assert (me["email"], me["share"]["used"]) == (None, 0)
    assert (await ledger.members.page(TEAM)).members == []


async def test_credits_are_asked_for_by_the_member_and_seen_by_him_alone(
    client: httpx.AsyncClient, team: httpx.AsyncClient
) -> None:
    await make_account(client, TEAM)
    made = (await team.post("/me/requests", json={"tokens": 100, "reason": "r"}, headers=RUI)).json()
    (asked,) = (await client.get("/solaris/api/v1/requests", headers=ADMIN)).json()["data"]
    assert (asked["account_id"], asked["requested_by"]) == (TEAM, "user:rui")
    assert [each["id"] for each in (await team.get("/me/requests", headers=RUI)).json()["data"]] == [made["id"]]
    assert (await team.get("/me/requests", headers=EVA)).json()["data"] == []
    error_of(await team.post(f"/me/requests/{made['id']}/cancel", headers=EVA), 404)
    cancelled = await team.post(f"/me/requests/{made['id']}/cancel", headers=RUI)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
