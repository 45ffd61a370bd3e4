"""Members of teams at the terminal."""

from __future__ import annotations

import asyncio

import pytest

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.unit.cli.conftest import Solaris

TEAM = AccountId("team:red")
pytestmark = pytest.mark.usefixtures("ledger")


@pytest.fixture
def team(solaris: Solaris, ledger: MemoryLedger) -> Solaris:
    """A team in which Ana used 400 and Bia 100."""
    assert solaris("accounts", "set", TEAM, "--email", "head@example.org").code == 0

    async def use() -> None:
        for name, charge in (("ana", 400), ("bia", 100)):
            hold_id, member = new_hold_id(), MemberId(f"user:{name}")
            email = f"{name}@example.org"
            await ledger.hold(HoldRequest(TEAM, hold_id, "m", charge, 1, 1, 60, email, member_id=member))
            await ledger.settle(Settlement(TEAM, hold_id, "m", charge, Usage(charge, 0), UsageSource.PROVIDER))

    asyncio.run(use())
    return solaris


def test_limits_are_set_and_listed(team: Solaris) -> None:
    everybody = team("members", "set", TEAM, "--limit", "500", "--reason", "ten of us")
    assert (everybody.code, everybody.out) == (0, "team:red: 500\n")
    assert team("members", "set", TEAM, "user:bia", "--limit", "none", "--reason", "leads").code == 0
    listed = team("members", "list", TEAM)
    assert [line.split() for line in listed.out.splitlines()] == [
        ["member", "limit", "own", "used", "held", "remaining", "e-mail"],
        ["user:ana", "500", "no", "400", "0", "100", "ana@example.org"],
        ["user:bia", "none", "yes", "100", "0", "999,500", "bia@example.org"],
    ]
    assert "Without a limit of one's own: 500" in listed.err
    assert team("members", "set", TEAM, "user:bia", "--limit", "default", "--reason", "r").code == 0
    found = team("members", "list", TEAM, "--limit", "1", "--json").json
    assert (found["default_limit"], [each["limit"] for each in found["data"]]) == (500, [500])
    rest = team("members", "list", TEAM, "--cursor", found["next_cursor"], "--json").json
    assert [(each["member_id"], each["limit_is_own"]) for each in rest["data"]] == [("user:bia", False)]
    assert "limit of members" in team("accounts", "show", TEAM).out


def test_who_set_a_limit_is_in_the_audit_trail(team: Solaris) -> None:
    team("members", "set", TEAM, "user:bia", "--limit", "7", "--reason", "why")
    (record, *_) = team("audit", "--json").json["data"]
    assert (record["action"], record["subject"], record["actor"], record["reason"]) == (
        "member.limit",
        "user:bia",
        "cli:op",
        "why",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (TEAM, "--limit", "many", "--reason", "r"),
        (TEAM, "--limit", "-1", "--reason", "r"),
        (TEAM, "--limit", "default", "--reason", "r"),
        (TEAM, "end_user:x", "--limit", "1", "--reason", "r"),
        (TEAM, "--limit", "1", "--reason", " "),
        ("user:ana", "--limit", "1", "--reason", "r"),
    ],
)
def test_what_cannot_be_a_limit_is_refused(team: Solaris, arguments: tuple[str, ...]) -> None:
    refused = team("members", "set", *arguments)
    assert refused.code == 2
    assert refused.err


def test_a_team_of_which_nobody_has_asked_says_so(solaris: Solaris) -> None:
    assert solaris("accounts", "set", "team:new").code == 0
    assert "Nobody has drawn from this account yet." in solaris("members", "list", "team:new").out
