"""Who pays: by the key, and by headers only where an administrator trusts the key."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks.payers import RECHECK_SECONDS, TELL_EVERY_SECONDS, Payers
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange, EndUser
from solaris_hooks.quota.errors import InvalidRequestError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId

FLAG = {"solaris_trusted_service": True}
SERVICE = UserAPIKeyAuth(token="5" * 64, metadata=FLAG)
ID, EMAIL = "x-librechat-user-id", "x-litellm-end-user-id"


class Books(MemoryLedger):
    """Books that can go away, and count how often they were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.asked = 0

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        self.asked += 1
        if self.away:
            raise LedgerUnavailableError
        return await super().account_of_end_user(end_user, create=create)


class Scene:
    def __init__(self) -> None:
        self.books = Books()
        self.now = 0.0
        self.payers = Payers(self.books, id_header=ID, create=True, clock=lambda: self.now)

    async def pays(self, headers: dict[str, str], auth: UserAPIKeyAuth = SERVICE) -> tuple[str, str | None]:
        payer = await self.payers.payer(auth, headers)
        return payer.account_id, payer.email


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_all_keys_of_a_user_share_his_account(scene: Scene) -> None:
    ana = UserAPIKeyAuth(token="a" * 64, user_id="ana", user_email="ana@example.org")
    assert await scene.pays({}, ana) == ("user:ana", "ana@example.org")


async def test_a_key_without_a_user_has_an_account_of_its_own(scene: Scene) -> None:
    assert await scene.pays({}, UserAPIKeyAuth(token="b" * 64)) == (f"key:{'b' * 64}", None)


async def test_a_lasting_id_names_the_account_and_the_e_mail_is_its_profile(scene: Scene) -> None:
    headers = {ID: "65f0c2a1", EMAIL: "ana@example.org"}
    assert await scene.pays(headers) == ("end_user:65f0c2a1", "ana@example.org")
    assert await scene.pays({**headers, EMAIL: "ana.silva@example.org"}) == (
        "end_user:65f0c2a1",
        "ana.silva@example.org",
    )


async def test_an_account_that_was_named_by_e_mail_is_kept_when_ids_are_sent_too(scene: Scene) -> None:
    await scene.books.put_account(AccountId("end_user:ana@example.org"), AccountChange(), actor="admin:root")
    assert await scene.pays({ID: "65f0c2a1", EMAIL: "ana@example.org"}) == (
        "end_user:ana@example.org",
        "ana@example.org",
    )


@pytest.mark.parametrize(
    ("headers", "account", "email"),
    [
        ({EMAIL: "ana@example.org"}, "end_user:ana@example.org", "ana@example.org"),
        ({"x-litellm-customer-id": "65f0c2a1"}, "end_user:65f0c2a1", None),
        ({ID: "65f0c2a1"}, "end_user:65f0c2a1", None),
        ({ID: "65f0c2a1", EMAIL: "65f0c2a1"}, "end_user:65f0c2a1", None),
        ({ID: " ", EMAIL: " ana@example.org "}, "end_user:ana@example.org", "ana@example.org"),
    ],
)
async def test_one_of_both_headers_is_enough(
    scene: Scene, headers: dict[str, str], account: str, email: str | None
) -> None:
    assert await scene.pays(headers) == (account, email)


@pytest.mark.parametrize("headers", [{}, {ID: ""}, {EMAIL: "   "}])
async def test_a_service_must_name_its_user(scene: Scene, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="x-litellm-end-user-id"):
        await scene.pays(headers)


@pytest.mark.parametrize("header", [ID, EMAIL])
async def test_a_placeholder_that_was_not_filled_in_is_nobody(scene: Scene, header: str) -> None:
    with pytest.raises(InvalidRequestError, match="placeholder"):
        await scene.pays({header: "{{LIBRECHAT_USER_ID}}"})


async def test_the_books_are_asked_once_a_minute_for_each_id(scene: Scene) -> None:
    for _ in range(3):
        await scene.pays({ID: "65f0c2a1"})
    assert scene.books.asked == 1
    scene.now = RECHECK_SECONDS
    await scene.pays({ID: "65f0c2a1"})
    assert scene.books.asked == 2


async def test_while_the_books_are_away_those_seen_before_keep_their_account_and_of_others_nobody_knows(
    scene: Scene,
) -> None:
    await scene.pays({ID: "65f0c2a1"})
    scene.books.away = True
    scene.now = RECHECK_SECONDS
    assert (await scene.pays({ID: "65f0c2a1"}))[0] == "end_user:65f0c2a1"
    with pytest.raises(LedgerUnavailableError):
        await scene.pays({ID: "77aa01b2"})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"user_id": "eve", "key_alias": "eves"}, "is no trusted service key"),
        ({"user_id": "eve", "metadata": FLAG}, "belongs to a user or team"),
        ({"team_id": "t", "metadata": FLAG}, "belongs to a user or team"),
        ({"metadata": {"solaris_trusted_service": "true"}}, "is no trusted service key"),
    ],
)
@pytest.mark.parametrize("header", [ID, EMAIL, "x-litellm-customer-id"])
async def test_the_header_of_any_other_key_changes_nothing_and_is_logged_once_an_hour(
    scene: Scene, caplog: pytest.LogCaptureFixture, fields: dict[str, Any], why: str, header: str
) -> None:
    key = UserAPIKeyAuth(token="e" * 64, **fields)
    expected = await scene.pays({}, key)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert await scene.pays({header: "victim"}, key) == expected
        scene.now = TELL_EVERY_SECONDS
        await scene.pays({header: "victim"}, key)
    assert [why in each.getMessage() and header in each.getMessage() for each in caplog.records] == [True, True]


async def test_a_key_that_names_nobody_is_not_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await scene.pays({"x-other": "1"}, UserAPIKeyAuth(token="f" * 64, user_id="ana"))
        await scene.pays({ID: "65f0c2a1"})
    assert caplog.records == []


async def test_an_account_that_was_merged_is_remembered_for_a_minute(scene: Scene) -> None:
    ana = UserAPIKeyAuth(token="a" * 64, user_id="ana")
    old, new = AccountId("user:ana"), AccountId("user:new")
    assert await scene.payers.moved_to(old) is None
    scene.books.merged[old] = new
    assert await scene.payers.moved_to(old) == new
    assert (await scene.pays({}, ana))[0] == new
    scene.now = 61.0
    assert (await scene.pays({}, ana))[0] == old
