"""Which account a request is billed to: what the request says, completed by what the books remember."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solaris_hooks.hooks.identity import (
    TRUSTED_SERVICE_FLAG,
    Payer,
    asserted,
    is_flagged,
    is_trusted_service,
    payer_of,
)
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import MemberId

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.hooks.profiles import Profiles
    from solaris_hooks.hooks.shared_teams import SharedTeams
    from solaris_hooks.hooks.team_names import TeamNames
    from solaris_hooks.ledger.port import EndUsers
    from solaris_hooks.ledger.records import EndUser
    from solaris_hooks.quota.ids import AccountId

_LOG = logging.getLogger(__name__)

RECHECK_SECONDS = 60.0
"""How long a process takes the books' word for which account an end user has: an administrator may change it."""

MAX_REMEMBERED = 100_000
"""End users whose account a process remembers; some 20 MB."""

TELL_EVERY_SECONDS = 3600.0
MAX_TOLD = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    account_id: AccountId
    until: float


class Payers:
    """Says who pays for each request."""

    def __init__(
        self,
        books: EndUsers,
        *,
        id_header: str,
        create: bool,
        teams: SharedTeams | None = None,
        team_names: TeamNames | None = None,
        profiles: Profiles | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the books.

        Args:
            books: where end users' accounts are remembered.
            id_header: in which a trusted service names the lasting id of its user.
            create: whether users never seen get an account.
            teams: which teams share a budget; None for none.
            team_names: notes what teams are called; None does not.
            profiles: completes the accounts of those whom LiteLLM knows; None does not.
            clock: monotonic seconds, for tests.
        """
        self._books = books
        self._id_header = id_header
        self._create = create
        self._teams = teams
        self._team_names = team_names
        self._profiles = profiles
        self._clock = clock
        self._known: dict[AccountId, _Known] = {}
        self._moved: dict[AccountId, _Known] = {}
        self._told: dict[str, float] = {}

    async def payer(self, auth: UserAPIKeyAuth, headers: Mapping[str, str]) -> Payer:
        """Who pays, with the account that the books have for him.

        Args:
            auth: who LiteLLM says asks.
            headers: of the request, their names in lower case.

        Raises:
            InvalidRequestError: a trusted service key named no end user.
            LedgerUnavailableError: nobody can tell now whose request this is.
        """
        if not is_trusted_service(auth):
            self._tell_unheeded(auth, headers)
        payer = payer_of(auth, headers, id_header=self._id_header)
        if self._team_names is not None:
            self._team_names.note_soon(auth)
        team = await self._teams.account_of(auth) if self._teams is not None else None
        if team is not None:
            return replace(payer, account_id=team, member_id=MemberId(payer.account_id))
        own = payer.account_id if payer.end_user is None else await self._account_of(payer.end_user)
        moved = self._moved.get(own)
        account_id = moved.account_id if moved is not None and self._clock() < moved.until else own
        return payer if account_id == payer.account_id else replace(payer, account_id=account_id)

    async def moved_to(self, account_id: AccountId) -> AccountId | None:
        """The account that pays for one that is out of use, since the two were merged; None where none does.

        It is remembered for a minute, so that requests under the old name need not be refused first.
        """
        try:
            found = await self._books.merged_into(account_id)
        except LedgerUnavailableError:
            return None
        if found is not None:
            if len(self._moved) >= MAX_REMEMBERED:
                self._moved.clear()
            self._moved[account_id] = _Known(found, self._clock() + RECHECK_SECONDS)
        return found

    def admitted(self, account_id: AccountId) -> None:
        """A request of this account passed, so that there is one: its profile may be completed."""
        if self._profiles is not None:
            self._profiles.fetch_soon(account_id)

    async def _account_of(self, end_user: EndUser) -> AccountId:
        known = self._known.get(end_user.account_id)
        if known is not None and self._clock() < known.until:
            return known.account_id
        try:
            account_id = await self._books.account_of_end_user(end_user, create=self._create)
        except LedgerUnavailableError:
            # Whoever was seen before keeps the account; of others nobody knows whether they have one by e-mail.
            if known is None:
                raise
            account_id = known.account_id
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[end_user.account_id] = _Known(account_id, self._clock() + RECHECK_SECONDS)
        return account_id

    def _tell_unheeded(self, auth: UserAPIKeyAuth, headers: Mapping[str, str]) -> None:
        """Log, once an hour for each key, that it names end users although nobody trusts it to."""
        header = asserted(headers, self._id_header)
        if header is None:
            return
        key, now = auth.token or auth.api_key or "", self._clock()
        if now < self._told.get(key, now):
            return
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told[key] = now + TELL_EVERY_SECONDS
        why = (
            f"has {TRUSTED_SERVICE_FLAG}, but belongs to a user or team"
            if is_flagged(auth)
            else "is no trusted service key"
        )
        _LOG.warning("key %r (%.12s) sends %s but %s: the header is ignored", auth.key_alias, key, header, why)
