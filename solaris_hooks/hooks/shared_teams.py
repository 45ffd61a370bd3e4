"""Which LiteLLM teams draw from one account: those that a setting names, and those that have an account."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solaris_hooks.quota.errors import InvalidRequestError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, account_id

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.ledger.port import Teams

RECHECK_SECONDS = 60.0
"""How long a process takes the books' word for which teams have an account: an administrator may make one."""

MAX_REMEMBERED = 20_000
"""Teams of which a process remembers whether they have an account; some 4 MB."""


@dataclass(frozen=True, slots=True)
class _Known:
    has_account: bool
    until: float


class SharedTeams:
    """Says which account the keys of a team draw from."""

    def __init__(self, books: Teams, *, named: Collection[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Keep the books.

        Args:
            books: which teams have an account.
            named: ids and aliases of teams that get one at their first request.
            clock: monotonic seconds, for tests.
        """
        self._books = books
        self._named = frozenset(named)
        self._clock = clock
        self._known: dict[AccountId, _Known] = {}

    async def account_of(self, auth: UserAPIKeyAuth) -> AccountId | None:
        """The account that a key's team shares; None where its users pay from their own.

        LiteLLM alone says which team a key belongs to.

        Raises:
            LedgerUnavailableError: nobody can tell now; this process has not asked about the team before.
        """
        if not auth.team_id:
            return None
        try:
            team = account_id(f"team:{auth.team_id}")
        except InvalidRequestError:
            return None  # no account can have such an id, so that no administrator has shared it
        return team if self._is_named(auth) or await self._has_account(team) else None

    def _is_named(self, auth: UserAPIKeyAuth) -> bool:
        return auth.team_id in self._named or (bool(auth.team_alias) and auth.team_alias in self._named)

    async def _has_account(self, team: AccountId) -> bool:
        known = self._known.get(team)
        if known is not None and self._clock() < known.until:
            return known.has_account
        try:
            has_account = await self._books.knows_team(team)
        except LedgerUnavailableError:
            if known is None:
                raise
            has_account = known.has_account
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[team] = _Known(has_account, self._clock() + RECHECK_SECONDS)
        return has_account
