"""A team's budget that two members share, through the stock proxy, with LiteLLM's own teams and keys."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.world import User, World, sim, until

AT_ONCE = 30
REQUESTS = 120
TOKENS_EACH = 100

_NUMBERS = itertools.count(time.monotonic_ns())


@dataclass
class Member(User):
    """A user whose key is of a team."""

    team: str = ""

    @property
    def account_id(self) -> str:
        return f"team:{self.team}"

    @property
    def share(self) -> dict[str, Any]:
        with self.world.proxy.client() as admin:
            found: dict[str, Any] = admin.get(f"{members_of(self.team)}/user:{self.name}").raise_for_status().json()
        return found

    def rows(self) -> list[dict[str, Any]]:
        """What is booked to this member."""
        return [row for row in self.usage() if row["member_id"] == f"user:{self.name}"]


def members_of(team: str) -> str:
    return f"/solaris/api/v1/accounts/team:{team}/members"


def join(world: World, team: str) -> Member:
    """A new user with a key of a team."""
    name = f"member-{next(_NUMBERS)}"
    with world.proxy.client() as admin:
        admin.post("/user/new", json={"user_id": name, "auto_create_key": False}).raise_for_status()
        made = admin.post("/key/generate", json={"user_id": name, "team_id": team}).raise_for_status()
    return Member(name, made.json()["key"], world, team)


def share(world: World, team: str, tokens: int) -> None:
    """Let a team of LiteLLM's share so many tokens a month."""
    with world.proxy.client() as admin:
        admin.put(f"/solaris/api/v1/plans/plan-{tokens}", json={"monthly_tokens": tokens}).raise_for_status()
        admin.put(f"/solaris/api/v1/accounts/team:{team}", json={"plan": f"plan-{tokens}"}).raise_for_status()


def limit(member: Member, tokens: int) -> None:
    with member.world.proxy.client() as admin:
        body = {"limit": tokens, "reason": "a test"}
        admin.put(f"{members_of(member.team)}/user:{member.name}", json=body).raise_for_status()


@pytest.fixture
def team(world: World) -> str:
    """A team of LiteLLM's that shares nothing yet."""
    name = f"team-{next(_NUMBERS)}"
    with world.proxy.client() as admin:
        admin.post("/team/new", json={"team_id": name, "team_alias": f"Team {name}"}).raise_for_status()
    return name


def test_a_teams_key_is_booked_to_the_team_and_its_member(world: World, team: str) -> None:
    share(world, team, 10_000)
    ana, bia = join(world, team), join(world, team)
    answer = ana.chat(sim(prompt_tokens=100, completion_tokens=40))
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-solaris-quota-limit"] == "10000"
    assert answer.headers["x-solaris-member-used"] == "140"
    assert bia.chat(sim(prompt_tokens=10, completion_tokens=20)).status_code == 200
    bia.settled(2)
    assert (ana.used, ana.share["used"], bia.share["used"]) == (170, 140, 30)
    own = world.rows("SELECT 1 FROM solaris.accounts WHERE account_id = ANY(%s)", [f"user:{ana.name}"])
    assert own == [], "his own account pays nothing, and is not even made"
    with world.proxy.client() as admin:
        verified = admin.post("/solaris/api/v1/ledger/verify", json={"account_id": f"team:{team}"}).json()
    assert (verified["ok"], verified["accounts"]) == (True, 1)


def test_a_team_that_shares_nothing_leaves_its_users_their_own_accounts(world: World, team: str) -> None:
    ana = join(world, team)
    answer = ana.chat(sim(prompt_tokens=10, completion_tokens=20))
    assert answer.status_code == 200
    assert "x-solaris-member-used" not in answer.headers
    own = User(ana.name, ana.key, world)
    (booked,) = own.settled()
    assert booked["team_id"] == team

    until(lambda: bool(use_of_team(world, team)))
    (row,) = use_of_team(world, team)
    assert (row["name"], row["account_id"], row["tokens"]) == (f"Team {team}", None, 30)


def use_of_team(world: World, team: str) -> list[dict[str, Any]]:
    """What the report by team says, which follows the books by seconds."""
    with world.proxy.client() as admin:
        report = admin.get("/solaris/api/v1/reports/usage", params={"by": "team", "format": "json"})
    return [row for row in report.raise_for_status().json()["data"] if row["team_id"] == team]


async def burst(members: list[Member]) -> Counter[tuple[str, int]]:
    """All requests, so many at once, half of them streams, in turn by each member."""
    world = members[0].world
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=AT_ONCE), trust_env=False) as client:

        async def one(number: int) -> tuple[str, int]:
            member = members[number % len(members)]
            body: dict[str, Any] = {
                "model": "demo",
                "stream": number // 2 % 2 == 0,
                "max_tokens": 80,
                "messages": sim(prompt_tokens=20, completion_tokens=80, delay_ms=20, label=member.name),
            }
            async with gate:
                url = f"{world.proxy.base_url}/v1/chat/completions"
                answer = await client.post(url, json=body, headers={"Authorization": f"Bearer {member.key}"})
            return member.name, answer.status_code

        return Counter(await asyncio.gather(*(one(number) for number in range(REQUESTS))))


async def test_neither_the_team_nor_a_limited_member_spends_more_than_may_be(world: World, team: str) -> None:
    share(world, team, 40 * TOKENS_EACH)
    limited, free = join(world, team), join(world, team)
    limit(limited, 12 * TOKENS_EACH)
    for member in (limited, free):
        with world.proxy.client(member.key) as client:
            client.get("/v1/models").raise_for_status()
    statuses = await burst([limited, free])
    await asyncio.to_thread(until, lambda: free.held == 0)
    await asyncio.to_thread(
        until, lambda: all(world.served(member.name)["in_flight"] == 0 for member in (limited, free))
    )
    assert {status for _, status in statuses} <= {200, 402, 429}
    account = free.account
    assert account["overage"] == 0
    assert account["allowance_used"] <= 40 * TOKENS_EACH
    assert account["allowance_used"] >= 36 * TOKENS_EACH, statuses
    assert 10 * TOKENS_EACH <= limited.share["used"] <= 12 * TOKENS_EACH
    assert account["allowance_used"] == limited.share["used"] + free.share["used"]
    for member in (limited, free):
        rows, served = member.rows(), world.served(member.name)
        assert member.share["used"] == sum(row["charge"] for row in rows)
        assert member.share["held"] == 0
        assert len(rows) == served["requests"] + served["unfinished_streams"] == statuses[member.name, 200]
        exact = [row["charge"] for row in rows if row["source"] == "provider"]
        if len(exact) == served["requests"]:
            assert sum(exact) == served["total_tokens"]
        assert sum(exact) <= served["total_tokens"]
    with world.proxy.client() as admin:
        assert admin.post("/solaris/api/v1/ledger/verify", json={"account_id": f"team:{team}"}).json()["ok"]


def test_a_member_is_refused_for_his_share_and_another_goes_on(world: World, team: str) -> None:
    share(world, team, 100_000)
    ana, bia = join(world, team), join(world, team)
    limit(ana, 150)
    assert ana.chat(sim(prompt_tokens=100, completion_tokens=40), max_tokens=40).status_code == 200
    ana.settled()
    refused = ana.chat(sim("palavra " * 50))
    assert refused.status_code == 402
    error = refused.json()["error"]
    assert error["type"] == "quota_exceeded"
    assert error["message"].startswith("Da sua parte dos tokens da equipe restam 10")
    assert refused.headers["x-solaris-team-remaining"] == "99860"
    assert bia.chat(sim()).status_code == 200


def test_a_stream_ends_at_its_members_limit(world: World, team: str) -> None:
    share(world, team, 100_000)
    ana = join(world, team)
    limit(ana, 1_000)
    messages = sim(prompt_tokens=20, completion_tokens=3_000, ignore_cap=True, chunk_delay_ms=1, label=ana.name)
    with ana.stream(messages) as answer:
        assert '"length"' in answer.read().decode().replace(" ", "")
    (row,) = ana.settled()
    assert 800 <= row["charge"] <= 1_000
    assert ana.share["used"] == row["charge"]


def test_the_chat_tells_a_member_his_own(world: World, team: str) -> None:
    share(world, team, 100_000)
    ana, bia = join(world, team), join(world, team)
    limit(ana, 5_000)
    ana.chat(sim(prompt_tokens=100, completion_tokens=400))
    bia.chat(sim(prompt_tokens=10, completion_tokens=7))
    ana.settled(2)
    said = ana.chat([{"role": "user", "content": "/saldo"}]).json()["choices"][0]["message"]["content"]
    assert "| Usados neste período | 500 |\n| Seu limite na equipe | 5.000 |\n| Restantes | 4.500 |" in said
    assert "| Usados pela equipe | 517 |" in said
    assert bia.name not in said
    link = re.search(r"https://tokens\.example\.com(/solaris/me\?token=[\w.-]+)", said)
    assert link, said
    with httpx.Client(base_url=world.proxy.base_url, trust_env=False) as browser:
        # Over https alone: the client keeps it back from the proxy's own address.
        cookie = browser.get(link[1]).headers["set-cookie"].partition(";")[0]
        page = browser.get("/solaris/me", headers={"cookie": cookie}).text
    assert "<strong>4.500</strong>" in page
    assert bia.name not in page
    (call,) = world.rows(
        "SELECT hold_id FROM solaris.usage WHERE account_id = %s AND member_id = %s", f"team:{team}", f"user:{ana.name}"
    )
    with world.proxy.client(ana.key) as own:
        me = own.get("/solaris/api/v1/me").json()
        assert (me["share"]["used"], me["share"]["limit"], me["allowance"]["used"]) == (500, 5_000, 517)
        assert own.get("/solaris/api/v1/me/usage").json()["totals"]["charge"] == 500
        assert own.get("/solaris/api/v1/me/entries").status_code == 403, "the team's ledger"
        calls = own.get("/solaris/api/v1/me/calls").json()["data"]
        assert [(each["id"], each["tokens"]) for each in calls] == [(str(call["hold_id"]), 500)]
        assert bia.name not in own.get("/solaris/api/v1/me/export").text
    asked = ana.chat([{"role": "user", "content": "/creditos 200 mil projeto X"}])
    assert "foi enviado ao administrador" in asked.json()["choices"][0]["message"]["content"]
    (request,) = world.rows("SELECT * FROM solaris.credit_requests WHERE account_id = %s", f"team:{team}")
    assert request["requested_by"] == f"user:{ana.name}"
