"""The ledger as the rest of the package sees it.

Two adapters keep this contract and pass one conformance suite
(``tests/integration/ledger``): :class:`~solaris_hooks.ledger.postgres.PostgresLedger` and
:class:`~solaris_hooks.ledger.memory.MemoryLedger`. All of their methods raise
:class:`~solaris_hooks.quota.errors.LedgerError` when the books cannot be reached, and never
an error of a driver.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from solaris_hooks.ledger.account_actions import AccountActions
from solaris_hooks.ledger.account_list import AccountList
from solaris_hooks.ledger.account_terms import AccountTerms, Cycle
from solaris_hooks.ledger.audit_trail import AuditTrail
from solaris_hooks.ledger.credit_lots import CreditLots
from solaris_hooks.ledger.credit_requests import RequestBook
from solaris_hooks.ledger.delivery_records import DeliveryBook
from solaris_hooks.ledger.event import Event
from solaris_hooks.ledger.lengths import LengthCount
from solaris_hooks.ledger.members import MemberBook
from solaris_hooks.ledger.records import (
    Account,
    AccountChange,
    AccountPage,
    DailyUsage,
    EndUser,
    Entry,
    ExtendResult,
    Extension,
    Grant,
    GrantResult,
    Hold,
    HoldRequest,
    HoldResult,
    Plan,
    Settlement,
    SettleResult,
    Verification,
)
from solaris_hooks.ledger.refusal_book import RefusalBook
from solaris_hooks.quota.ids import AccountId, HoldId


class Metering(Protocol):
    """The part that requests need: each call is one transaction and one round trip."""

    async def hold(self, request: HoldRequest) -> HoldResult:
        """Hold tokens for a request: ``want`` of an ample balance, else ``fair``, else what is left.

        Nothing is held where not even ``minimum`` fits.

        Renews the period if due, and makes the account if it is new and may be made.
        """
        ...

    async def extend(self, extension: Extension) -> ExtendResult:
        """Grow the hold of a request that still runs, by as much as there is of what it asks for."""
        ...

    async def settle(self, settlement: Settlement) -> SettleResult:
        """Turn a hold into use. Idempotent by hold id; books even where the hold was lost."""
        ...

    async def release(self, account_id: AccountId, hold_id: HoldId) -> bool:
        """Turn a hold into nothing. False if it was settled, released or swept before."""
        ...

    async def renew_leases(self, holds: Sequence[tuple[AccountId, HoldId]], *, lease_seconds: int) -> int:
        """Let holds of requests that still run live on. Returns how many were still there."""
        ...

    async def claim_expired(self, *, limit: int, claim_seconds: int) -> Sequence[Hold]:
        """Take holds whose lease ran out, for ``claim_seconds``, so that one sweeper alone ends them."""
        ...


class LengthBook(Protocol):
    """What all processes have learned of the lengths of answers."""

    async def exchange_lengths(self, fresh: Sequence[LengthCount]) -> Sequence[LengthCount]:
        """Add what this process has counted since the last time, and get all that is known."""
        ...


class Events(Protocol):
    """What happened that somebody is told of."""

    async def take_notices(self, account_id: AccountId) -> Sequence[Event]:
        """What the chat is to tell the account's user now, oldest first. Each is given out once."""
        ...

    async def give_back_notices(self, account_id: AccountId, numbers: Sequence[int]) -> int:
        """Let events that were taken, but could not be told, be taken again. Returns how many."""
        ...

    async def events(
        self, account_id: AccountId | None = None, *, limit: int = 50, before: int | None = None
    ) -> Sequence[Event]:
        """Events of an account, or of all, newest first, with numbers below ``before``."""
        ...


class EndUsers(Protocol):
    """Which accounts pay for whom, where it is not the account of his name."""

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        """The account of an end user who has a lasting id; decided when the id is first seen, and kept.

        That is the account of that name, if there is one; else the one that the e-mail address names, if there is
        one and no other id has it; else the one of that name.

        Args:
            end_user: as the service names him.
            create: whether users never seen get an account. Otherwise nothing is decided of those without one.
        """
        ...

    async def merged_into(self, account_id: AccountId) -> AccountId | None:
        """The account that pays for one that is out of use, because the two were merged; None where none does."""
        ...


class Teams(Protocol):
    """Which teams share a budget."""

    async def knows_team(self, team: AccountId) -> bool:
        """Whether a team has an account: then its members' requests draw from it."""
        ...

    async def note_team(self, team_id: str, alias: str) -> None:
        """Keep what LiteLLM calls a team, for reports.

        Args:
            team_id: LiteLLM's.
            alias: its name now.

        Raises:
            LedgerUnavailableError: the books cannot be reached.
        """
        ...


class Books(Protocol):
    """The part that people need: accounts, credits, plans, history."""

    @property
    def trail(self) -> AuditTrail:
        """What was changed by whom."""
        ...

    @property
    def deliveries(self) -> DeliveryBook:
        """What was sent to whom."""
        ...

    @property
    def refusals(self) -> RefusalBook:
        """What was refused, and why."""
        ...

    @property
    def terms(self) -> AccountTerms:
        """Plans and terms of single accounts."""
        ...

    @property
    def cycle(self) -> Cycle:
        """What time does to accounts that nobody looks at."""
        ...

    @property
    def account_list(self) -> AccountList:
        """Accounts as administrators list them."""
        ...

    @property
    def lots(self) -> CreditLots:
        """Lots of credits, whatever is left of them."""
        ...

    @property
    def actions(self) -> AccountActions:
        """What is done to single accounts, and what their users set for themselves."""
        ...

    @property
    def requests(self) -> RequestBook:
        """What users asked for."""
        ...

    @property
    def members(self) -> MemberBook:
        """Who draws from teams' accounts, and how much he may."""
        ...

    async def account(self, account_id: AccountId) -> Account | None:
        """One account as of now (its period renewed if due), or None."""
        ...

    async def accounts(self, *, query: str = "", limit: int = 50, after: AccountId | None = None) -> AccountPage:
        """Accounts in order of id whose id, e-mail or name contains ``query``, case-insensitively."""
        ...

    async def put_account(
        self,
        account_id: AccountId,
        change: AccountChange,
        *,
        actor: str,
        reason: str | None = None,
    ) -> Account:
        """Change an account, making it if it is missing. A change of plan applies at once.

        What changed is written to the audit trail. Another time zone or anchor day never brings the renewal forward.

        Args:
            account_id: whose account.
            change: what becomes of it.
            actor: who changes it.
            reason: why, for the audit trail; None takes the ``status_reason``, which the user reads, too.

        Raises:
            NotFoundError: there is no such plan.
            InvalidRequestError: a value cannot be (time zone, anchor day, ...), or an account is taken out of use
                without a word why.
        """
        ...

    async def grant_credits(self, grant: Grant) -> GrantResult:
        """Grant credits, once for each idempotency key; owed overage is taken from them first. Audited.

        Raises:
            NotFoundError: there is no such account.
            ConflictError: the key was used for another grant.
        """
        ...

    async def entries(self, account_id: AccountId, *, limit: int = 50, before: int | None = None) -> Sequence[Entry]:
        """Entries of an account, newest first, with numbers below ``before``."""
        ...

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
        """Totals per local day and model, both ends included, oldest first."""
        ...

    async def holds(self, account_id: AccountId | None = None, *, limit: int = 100) -> Sequence[Hold]:
        """Tokens held now, oldest first; of one account or of all."""
        ...

    async def plans(self) -> Sequence[Plan]:
        """All plans, in order of id."""
        ...

    async def plan(self, plan_id: str) -> Plan | None:
        """One plan, or None."""
        ...

    async def put_plan(self, plan: Plan, *, actor: str, reason: str | None = None) -> Plan:
        """Make or change a plan. Its accounts get the new allowance at once.

        Raises:
            InvalidRequestError: a value cannot be.
            NotFoundError: there is no such plan to follow a trial.
        """
        ...

    async def verify(self, account_id: AccountId | None = None) -> Verification:
        """Recompute every entry, balance and hold from the chain, of one account or of all."""
        ...

    async def ping(self) -> None:
        """Return if the books can be read; raise LedgerError otherwise."""
        ...


class Ledger(Metering, LengthBook, EndUsers, Teams, Events, Books, Protocol):
    """All parts."""
