"""What teams are called is noted once for each name, aside from the requests."""

from __future__ import annotations

import asyncio

from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks.identity import payer_of
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.team_names import TeamNames
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.errors import LedgerUnavailableError


class Books(MemoryLedger):
    """Books that can go away, and keep what they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.noted: list[tuple[str, str]] = []

    async def note_team(self, team_id: str, alias: str) -> None:
        if self.away:
            raise LedgerUnavailableError
        self.noted.append((team_id, alias))


def key(team_id: str | None, alias: str | None = None, user: str | None = "ana") -> UserAPIKeyAuth:
    return UserAPIKeyAuth(token="a" * 64, user_id=user, team_id=team_id, team_alias=alias)


async def ask(payers: Payers, *keys: UserAPIKeyAuth) -> None:
    for each in keys:
        await payers.payer(each, {})
        await asyncio.sleep(0)


def payers_of(books: Books) -> Payers:
    return Payers(books, id_header="x-librechat-user-id", create=True, team_names=TeamNames(books))


async def test_each_name_is_noted_once() -> None:
    books = Books()
    red, blue = key("red", "Red"), key("blue", "Blue")
    await ask(payers_of(books), red, red, blue, key("red", "Rouge"), key("nameless"), key(None), red)
    assert books.noted == [("red", "Red"), ("blue", "Blue"), ("red", "Rouge"), ("red", "Red")]


async def test_what_the_books_did_not_take_is_noted_with_a_later_request() -> None:
    books = Books()
    payers, red = payers_of(books), key("red", "Red")
    books.away = True
    await ask(payers, red)
    books.away = False
    await ask(payers, red, red)
    assert books.noted == [("red", "Red")]


def test_a_request_is_of_its_keys_team_whoever_pays() -> None:
    for user in ("ana", None, "default_user_id"):
        assert payer_of(key("red", user=user), {}, id_header="x").team_id == "red"
    assert payer_of(key(None), {}, id_header="x").team_id is None
    assert payer_of(key(""), {}, id_header="x").team_id is None
