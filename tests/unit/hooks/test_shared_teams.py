"""Which requests draw from a team's account, and what a member is told of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks import refusals
from solaris_hooks.hooks.in_flight import InFlight
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.shared_teams import RECHECK_SECONDS, SharedTeams
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.quota.period import Period
from solaris_hooks.quota.share import Share

TEAM = AccountId("team:red")
RUI = MemberId("user:rui")
KEY = UserAPIKeyAuth(token="a" * 64, user_id="rui", user_email="rui@example.org", team_id="red", team_alias="Red")


class Books(MemoryLedger):
    """Books that can go away, and count how often they were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.asked = 0

    async def knows_team(self, team: AccountId) -> bool:
        self.asked += 1
        if self.away:
            raise LedgerUnavailableError
        return await super().knows_team(team)


class Scene:
    def __init__(self, *named: str) -> None:
        self.books = Books()
        self.now = 0.0
        teams = SharedTeams(self.books, named=named, clock=lambda: self.now)
        self.payers = Payers(self.books, id_header="x-librechat-user-id", create=True, teams=teams)

    async def pays(self, auth: UserAPIKeyAuth = KEY) -> tuple[str, str | None]:
        payer = await self.payers.payer(auth, {})
        return payer.account_id, payer.member_id

    async def share(self) -> None:
        await self.books.put_account(TEAM, AccountChange(), actor="admin:a")


async def test_a_team_without_an_account_shares_nothing_until_it_has_one() -> None:
    scene = Scene()
    assert await scene.pays() == ("user:rui", None)
    await scene.share()
    assert await scene.pays() == ("user:rui", None), "the process takes the books' word for a while"
    scene.now = RECHECK_SECONDS
    assert await scene.pays() == (TEAM, RUI)
    assert await scene.pays() == (TEAM, RUI)
    assert scene.books.asked == 2


@pytest.mark.parametrize("named", ["red", "Red"])
async def test_a_team_that_a_setting_names_needs_no_account_and_no_books(named: str) -> None:
    scene = Scene(named)
    scene.books.away = True
    assert await scene.pays() == (TEAM, RUI)


async def test_a_key_without_a_user_is_a_member_itself() -> None:
    for user in (None, "default_user_id"):
        key = UserAPIKeyAuth(token="b" * 64, user_id=user, team_id="red")
        assert await Scene("red").pays(key) == (TEAM, f"key:{'b' * 64}")


@pytest.mark.parametrize("team", [None, "", "blue", "x" * 400, "line\nbreak"])
async def test_keys_of_other_teams_and_of_none_pay_for_themselves(team: str | None) -> None:
    key = UserAPIKeyAuth(token="a" * 64, user_id="rui", team_id=team)
    assert await Scene("red").pays(key) == ("user:rui", None)


async def test_a_trusted_service_names_end_users_whatever_teams_share() -> None:
    service = UserAPIKeyAuth(token="5" * 64, metadata={"solaris_trusted_service": True})
    payer = await Scene("red").payers.payer(service, {"x-librechat-user-id": "7"})
    assert (payer.account_id, payer.member_id) == ("end_user:7", None)


async def test_while_the_books_are_away_a_team_is_what_it_was_and_a_new_one_is_refused() -> None:
    scene = Scene()
    await scene.share()
    assert await scene.pays() == (TEAM, RUI)
    scene.now, scene.books.away = RECHECK_SECONDS, True
    assert await scene.pays() == (TEAM, RUI)
    with pytest.raises(LedgerUnavailableError):
        await scene.pays(UserAPIKeyAuth(token="a" * 64, user_id="rui", team_id="blue"))


def balance(*, used: int = 0, held: int = 0, share: Share | None = None) -> Balance:
    return Balance(
        account_id=TEAM,
        status=Status.ACTIVE,
        status_reason=None,
        plan_id="default",
        locale="en",
        time_zone="America/Sao_Paulo",
        period=Period(dt.datetime(2026, 11, 1, 3, tzinfo=dt.UTC), dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)),
        allowance_granted=1000,
        allowance_used=used,
        credits_remaining=0,
        credits_used=0,
        held=held,
        overage=0,
        share=share,
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (
            balance(share=Share(RUI, limit=100, used=100)),
            ["Your share of your team's tokens is used up", "December 1, 2026", "ask the administrator"],
        ),
        (balance(share=Share(RUI, limit=100, used=95)), ["Your share", "has 5 left", "at least 10"]),
        (balance(used=1000, share=Share(RUI)), ["Your team's token quota is used up"]),
        (balance(used=995, share=Share(RUI, limit=100, used=100)), ["Your team's balance of 5 tokens"]),
        (balance(used=1000), ["Your token quota is used up"]),
    ],
)
def test_a_refusal_says_whether_it_is_the_team_or_the_members_share(now: Balance, words: Sequence[str]) -> None:
    refused = refusals.quota_exceeded(now, needed=10, status=402)
    assert all(each in refused.message for each in words), refused.message


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (balance(held=90, share=Share(RUI, limit=100, held=90)), "Your share of your team's tokens is held"),
        (balance(held=995, share=Share(RUI)), "Your team's balance is held"),
        (balance(held=995), "Your balance is held"),
    ],
)
def test_a_refusal_for_what_is_held_says_who_holds_it(now: Balance, words: str) -> None:
    refused = refusals.quota_held(now, needed=20)
    assert refused.message.startswith(words)
    assert refused.headers["retry-after"] == "10"


def test_headers_say_what_is_the_members_and_what_the_teams() -> None:
    headers = refusals.quota_headers(balance(used=300, held=50, share=Share(RUI, limit=200, used=80, held=20)))
    assert headers["x-solaris-quota-limit"] == "1000"
    assert headers["x-solaris-quota-used"] == "300"
    assert headers["x-solaris-quota-remaining"] == "100"
    assert headers["x-solaris-member-limit"] == "200"
    assert headers["x-solaris-member-used"] == "80"
    assert headers["x-solaris-team-remaining"] == "650"
    unlimited = refusals.quota_headers(balance(share=Share(RUI, used=80)))
    assert "x-solaris-member-limit" not in unlimited
    assert not any("member" in name or "team" in name for name in refusals.quota_headers(balance()))


def test_who_waits_for_his_own_requests_keeps_no_other_member_waiting() -> None:
    in_flight = InFlight()
    mine, teams = in_flight.queue(TEAM, RUI), in_flight.queue(TEAM)
    assert mine is not teams
    assert in_flight.queue(TEAM, RUI) is mine


def test_a_share_is_told_its_highest_mark_alone() -> None:
    share = Share(RUI, limit=100)
    assert [replace(share, used=used).untold for used in (79, 80, 94, 95, 99, 100, 130)] == [
        None,
        80,
        80,
        95,
        95,
        100,
        100,
    ]
    assert replace(share, used=96, told_percent=95).untold is None
    assert Share(RUI, limit=0).untold == 100
    assert Share(RUI, used=10**9).untold is None
