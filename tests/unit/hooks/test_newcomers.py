"""What accounts begin with that a request makes."""

from __future__ import annotations

import pytest
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks.identity import Payer
from solaris_hooks.hooks.newcomers import Newcomers
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.settings import NewAccounts, Settings, UnknownUsers


def plan(auth: UserAPIKeyAuth, email: str | None) -> str:
    settings = Settings.model_construct(
        plan_by_team={"t-1": "sales", "Research": "labs"}, plan_by_email_domain={"Example.org": "staff"}
    )
    return Newcomers(settings).account(auth, Payer(AccountId("user:ana"), email)).plan_id


@pytest.mark.parametrize(
    ("team_id", "alias", "email", "expected"),
    [
        (None, None, None, "default"),
        ("t-1", None, None, "sales"),
        ("t-2", "Research", None, "labs"),
        ("t-1", "Research", "ana@example.org", "sales"),
        ("t-2", "Other", "ana@example.org", "staff"),
        (None, None, "ana@EXAMPLE.ORG", "staff"),
        (None, None, "ana@sub.example.org", "default"),
        (None, None, "example.org@elsewhere.net", "default"),
        (None, None, "", "default"),
    ],
)
def test_the_team_says_the_plan_then_the_domain(
    team_id: str | None, alias: str | None, email: str | None, expected: str
) -> None:
    assert plan(UserAPIKeyAuth(api_key="sk", team_id=team_id, team_alias=alias), email) == expected


def test_they_may_have_to_wait_for_approval() -> None:
    settings = Settings.model_construct(new_accounts=NewAccounts.PENDING, plan_by_team={"t": "x"})
    for auth in (UserAPIKeyAuth(api_key="sk"), UserAPIKeyAuth(api_key="sk", team_id="t")):
        assert Newcomers(settings).account(auth, Payer(AccountId("user:ana"))).status is Status.PENDING


def test_a_team_that_shares_a_budget_waits_for_nobody_and_has_no_domain() -> None:
    settings = Settings.model_construct(
        new_accounts=NewAccounts.PENDING,
        unknown_users=UnknownUsers.REFUSE,
        plan_by_team={"t": "sales"},
        plan_by_email_domain={"example.org": "staff"},
    )
    member = Payer(AccountId("team:t"), "ana@example.org", member_id=MemberId("user:ana"))
    for team, expected in (("t", "sales"), ("other", "default")):
        new = Newcomers(settings).account(UserAPIKeyAuth(api_key="sk", team_id=team), member)
        assert (new.plan_id, new.status, new.create) == (expected, Status.ACTIVE, True)
