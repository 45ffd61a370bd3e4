"""Whose account it is, in the in-memory ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from solaris_hooks.ledger.memory.store import MemoryStore
from solaris_hooks.ledger.records import EndUser, NewAccount
from solaris_hooks.quota.ids import AccountId


class MemoryPeople(MemoryStore):
    """Keeps the contracts of :class:`~solaris_hooks.ledger.port.EndUsers` and of ``Teams``."""

    def __init__(self, now: Callable[[], dt.datetime], defaults: NewAccount) -> None:
        """Start knowing no end users, and no accounts that were merged."""
        super().__init__(now, defaults)
        self._end_users: dict[AccountId, AccountId] = {}
        self.merged: dict[AccountId, AccountId] = {}
        self.team_aliases: dict[str, str] = {}

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        """The account of an end user who has a lasting id."""
        named, by_email = end_user.account_id, end_user.by_email
        if named in self._end_users:
            return self._end_users[named]
        known = named in self._accounts
        found = named
        if not known and by_email in self._accounts and by_email not in self._end_users.values():
            found, known = by_email, True
        if known or create:
            self._end_users[named] = found
        return found

    async def merged_into(self, account_id: AccountId) -> AccountId | None:
        """The account that pays for another one: this ledger merges none, but tests may say that it did."""
        return self.merged.get(account_id)

    async def knows_team(self, team: AccountId) -> bool:
        """Whether a team has an account."""
        return team in self._accounts

    async def note_team(self, team_id: str, alias: str) -> None:
        """Keep what LiteLLM calls a team."""
        self.team_aliases[team_id] = alias
