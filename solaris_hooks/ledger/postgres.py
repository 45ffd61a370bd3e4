"""The ledger on PostgreSQL: each method is one statement, one round trip and one transaction."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from uuid_utils.compat import uuid7

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.account_actions import PostgresAccountActions
from solaris_hooks.ledger.account_terms import PostgresAccountTerms
from solaris_hooks.ledger.admin_sessions import PostgresAdminSessions
from solaris_hooks.ledger.audit import Progress, verified
from solaris_hooks.ledger.audit_trail import PostgresAuditTrail
from solaris_hooks.ledger.batches import Batches
from solaris_hooks.ledger.checkpoints import Checkpoint
from solaris_hooks.ledger.compensation import Compensation
from solaris_hooks.ledger.deliveries import Deliveries
from solaris_hooks.ledger.erasure import Erasures
from solaris_hooks.ledger.event import Event
from solaris_hooks.ledger.lanes import Lanes
from solaris_hooks.ledger.lengths import LengthCount
from solaris_hooks.ledger.merges import Merges
from solaris_hooks.ledger.overview import Overview
from solaris_hooks.ledger.plan_effects import PlanEffects
from solaris_hooks.ledger.postgres_account_list import PostgresAccountList
from solaris_hooks.ledger.postgres_credits import PostgresCreditLots, PostgresRequestBook
from solaris_hooks.ledger.postgres_members import PostgresMembers
from solaris_hooks.ledger.records import (
    NOTHING,
    Account,
    AccountChange,
    AccountPage,
    CreditLot,
    DailyUsage,
    EndUser,
    Entry,
    ExtendResult,
    Extension,
    Grant,
    GrantResult,
    Hold,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Plan,
    Settlement,
    SettleOutcome,
    SettleResult,
    Verification,
)
from solaris_hooks.ledger.refusals import PostgresRefusals
from solaris_hooks.ledger.report_schedules import ReportSchedules
from solaris_hooks.ledger.rollup import Rollup
from solaris_hooks.ledger.saved_lists import SavedLists
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.terms_json import weights_json
from solaris_hooks.ledger.totals import Totals
from solaris_hooks.ledger.undo import Undoing
from solaris_hooks.ledger.usage_reports import PostgresUsageReports
from solaris_hooks.ledger.used_links import PostgresUsedLinks
from solaris_hooks.ledger.verifications import Verifications
from solaris_hooks.ledger.vital_signs import VitalSignsReader
from solaris_hooks.quota.checks import checked_anchor_day, checked_grant, checked_terms, checked_time_zone
from solaris_hooks.quota.costs import CostTable
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId, HoldId

MOST_ANSWERS = 20_000
"""Of each model and kind: enough for one in 1,000, few enough to follow a model that changes."""


class PostgresLedger:
    """See :class:`solaris_hooks.ledger.port.Ledger` for the contract.

    The pool opens at the first statement, in the event loop that asks: a process may be forked
    after this object was made.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        defaults: NewAccount | None = None,
        now: Callable[[], dt.datetime] | None = None,
        pool_max_size: int = 10,
        pool_timeout_seconds: float = 5.0,
        prepare: bool = True,
    ) -> None:
        """Keep the settings; connect to nothing yet.

        Args:
            conninfo: PostgreSQL connection string or URL of libpq's form.
            defaults: what accounts get that ``put_account`` makes.
            now: a clock for tests; None leaves time to the database.
            pool_max_size: connections at the most, for each process.
            pool_timeout_seconds: how long a statement waits for a free connection.
            prepare: False where PgBouncer before 1.21 pools by transaction.
        """
        self._defaults = defaults or NewAccount()
        self._now = now
        self._statements = Statements(
            conninfo,
            pool_max_size=pool_max_size,
            pool_timeout_seconds=pool_timeout_seconds,
            prepare=prepare,
        )
        self._lanes = Lanes()
        self.trail = PostgresAuditTrail(self._statements)
        self.terms = self.cycle = PostgresAccountTerms(self._statements, self._clock)
        self.lots = PostgresCreditLots(self._statements, self._clock)
        self.actions = PostgresAccountActions(self._statements, self._clock)
        self.compensation = Compensation(self._statements, self._clock)
        self.merges = Merges(self._statements, self._clock)
        self.erasures = Erasures(self._statements, self._clock)
        self.batches = Batches(self._statements, self._clock)
        self.undoing = Undoing(self._statements, self._clock)
        self.report_schedules = ReportSchedules(self._statements, self._clock)
        self.requests = PostgresRequestBook(self._statements, self._clock)
        self.overview = Overview(self._statements, self._clock)
        self.vital_signs = VitalSignsReader(self._statements, self._clock)
        self.verifications = Verifications(self._statements, self._clock)
        self.saved_lists = SavedLists(self._statements, self._clock)
        self.plan_effects = PlanEffects(self._statements, self._clock)
        self.admin_sessions = PostgresAdminSessions(self._statements, self._clock)
        self.account_list = PostgresAccountList(self._statements, self._clock)
        self.rollup = Rollup(self._statements, self._clock)
        self.totals = Totals(self._statements, self._clock)
        self.used_links = PostgresUsedLinks(self._statements)
        self.deliveries = Deliveries(self._statements, now=self._clock)
        self.members = PostgresMembers(self._statements, self._clock)
        self.refusals = PostgresRefusals(self._statements, self._clock)

    def usage_reports(self, costs: CostTable) -> PostgresUsageReports:
        """Reports on use, with what models cost."""
        return PostgresUsageReports(self._statements, costs)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, conninfo: str, *, now: Callable[[], dt.datetime] | None = None, **settings: Any
    ) -> AsyncIterator[PostgresLedger]:
        """A ledger for a while; its connections are closed at the end. Arguments as of the class.

        Raises:
            LedgerUnavailableError: PostgreSQL cannot be reached.
        """
        ledger = cls(conninfo, now=now, **settings)
        try:
            yield ledger
        finally:
            await ledger.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._statements.close()

    # ------------------------------------------------------------------ metering

    async def hold(self, request: HoldRequest) -> HoldResult:
        """See :meth:`Metering.hold`."""
        new = request.new_account
        ample, fair, step = request.shares
        async with self._lanes.holds(request.account_id):
            row = await self._statements.one(
                "hold",
                {
                    "account_id": request.account_id,
                    "hold_id": request.hold_id,
                    "model": request.model,
                    "want": request.want,
                    "ample": ample,
                    "fair": fair,
                    "step": step,
                    "minimum": request.minimum,
                    "prompt": request.prompt,
                    "lease_seconds": request.lease_seconds,
                    "email": request.email,
                    "create": new.create,
                    "plan_id": new.plan_id,
                    "locale": new.locale,
                    "time_zone": new.time_zone,
                    "anchor_day": new.anchor_day,
                    "status": new.status.value,
                    "member_id": request.member_id,
                    "now": self._clock(),
                },
            )
        return HoldResult(
            outcome=HoldOutcome(row["outcome"]),
            amount=row["amount"],
            created=row["created"],
            balance=rows.balance(request.account_id, row, request.member_id) if row["status"] is not None else None,
        )

    async def settle(self, settlement: Settlement) -> SettleResult:
        """See :meth:`Metering.settle`."""
        async with self._lanes.ends(settlement.account_id):
            row = await self._statements.one(
                "settle",
                {
                    "account_id": settlement.account_id,
                    "hold_id": settlement.hold_id,
                    "model": settlement.model,
                    "charge": settlement.charge,
                    "input_tokens": settlement.usage.input_tokens,
                    "cached_input_tokens": settlement.usage.cached_input_tokens,
                    "output_tokens": settlement.usage.output_tokens,
                    "reasoning_tokens": settlement.usage.reasoning_tokens,
                    "source": settlement.source.value,
                    "details": json.dumps(settlement.details, ensure_ascii=False),
                    "member_id": settlement.member_id,
                    "now": self._clock(),
                },
            )
        known = row["status"] is not None
        return SettleResult(
            outcome=SettleOutcome(row["outcome"]),
            charge=row["charge"],
            overage=row["beyond"],
            use_percent_before=row["use_percent_before"],
            balance=rows.balance(settlement.account_id, row, settlement.member_id) if known else None,
            unread_notices=row["unread_notices"] or 0,
        )

    async def release(self, account_id: AccountId, hold_id: HoldId) -> bool:
        """See :meth:`Metering.release`."""
        async with self._lanes.ends(account_id):
            row = await self._statements.one(
                "release", {"account_id": account_id, "hold_id": hold_id, "now": self._clock()}
            )
        return bool(row["released"])

    async def extend(self, extension: Extension) -> ExtendResult:
        """See :meth:`Metering.extend`."""
        async with self._lanes.ends(extension.account_id):
            row = await self._statements.one(
                "extend",
                {
                    "account_id": extension.account_id,
                    "hold_id": extension.hold_id,
                    "amount": extension.amount,
                    "step": extension.step,
                    "model": extension.model,
                    "prompt": extension.prompt,
                    "lease_seconds": extension.lease_seconds,
                    "member_id": extension.member_id,
                    "now": self._clock(),
                },
            )
        return ExtendResult(row["amount"], row["contended"])

    async def exchange_lengths(self, fresh: Sequence[LengthCount]) -> Sequence[LengthCount]:
        """See :meth:`LengthBook.exchange_lengths`. Half of what is counted is forgotten beyond ``MOST_ANSWERS``."""
        found = await self._statements.all(
            "exchange_lengths",
            {
                "models": [each.model for each in fresh],
                "kinds": [each.kind.value for each in fresh],
                "buckets": [each.bucket for each in fresh],
                "counts": [each.count for each in fresh],
                "most": MOST_ANSWERS,
                "now": self._clock(),
            },
        )
        return [rows.length_count(row) for row in found]

    async def renew_leases(self, holds: Sequence[tuple[AccountId, HoldId]], *, lease_seconds: int) -> int:
        """See :meth:`Metering.renew_leases`."""
        row = await self._statements.one(
            "renew_leases",
            {
                "account_ids": [account_id for account_id, _ in holds],
                "hold_ids": [hold_id for _, hold_id in holds],
                "lease_seconds": lease_seconds,
                "now": self._clock(),
            },
        )
        return int(row["renewed"])

    async def claim_expired(self, *, limit: int, claim_seconds: int) -> Sequence[Hold]:
        """See :meth:`Metering.claim_expired`."""
        found = await self._statements.all(
            "claim_expired", {"limit": limit, "claim_seconds": claim_seconds, "now": self._clock()}
        )
        return [rows.hold(row) for row in found]

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        """See :meth:`EndUsers.account_of_end_user`."""
        row = await self._statements.one(
            "account_of_end_user",
            {"alias": end_user.account_id, "by_email": end_user.by_email, "create": create, "now": self._clock()},
        )
        return AccountId(row["account_id"])

    async def knows_team(self, team: AccountId) -> bool:
        """See :meth:`Teams.knows_team`."""
        row = await self._statements.one("team_known", {"account_id": team})
        return bool(row["known"])

    async def merged_into(self, account_id: AccountId) -> AccountId | None:
        """See :meth:`EndUsers.merged_into`."""
        row = await self._statements.one("merged_into", {"account_id": account_id})
        return None if row["account_id"] is None else AccountId(row["account_id"])

    # ------------------------------------------------------------------ events

    async def take_notices(self, account_id: AccountId) -> Sequence[Event]:
        """See :meth:`Events.take_notices`."""
        found = await self._statements.all("take_notices", {"account_id": account_id, "now": self._clock()})
        return [rows.event(row) for row in found]

    async def give_back_notices(self, account_id: AccountId, numbers: Sequence[int]) -> int:
        """See :meth:`Events.give_back_notices`."""
        row = await self._statements.one("give_back_notices", {"account_id": account_id, "numbers": list(numbers)})
        return int(row["given_back"])

    async def events(
        self, account_id: AccountId | None = None, *, limit: int = 50, before: int | None = None
    ) -> Sequence[Event]:
        """See :meth:`Events.events`."""
        found = await self._statements.all("events", {"account_id": account_id, "limit": limit, "before": before})
        return [rows.event(row) for row in found]

    # ------------------------------------------------------------------ books

    async def account(self, account_id: AccountId) -> Account | None:
        """See :meth:`Books.account`."""
        row = await self._statements.one("account", {"account_id": account_id, "now": self._clock()})
        if row["account_id"] is None:
            return None
        return rows.account(row, (await self._lots([account_id])).get(account_id, ()))

    async def accounts(self, *, query: str = "", limit: int = 50, after: AccountId | None = None) -> AccountPage:
        """See :meth:`Books.accounts`."""
        parameters = {"query": query, "limit": limit + 1, "after": after, "now": self._clock()}
        found = (await self._statements.all("accounts", parameters))[: limit + 1]
        page, more = found[:limit], len(found) > limit
        lots = await self._lots([AccountId(row["account_id"]) for row in page])
        accounts = [rows.account(row, lots.get(row["account_id"], ())) for row in page]
        return AccountPage(accounts, accounts[-1].balance.account_id if more else None)

    async def accounts_named(self, account_ids: Iterable[AccountId]) -> Mapping[AccountId, Account]:
        """Some accounts as of now, without their lots; those that there are none of are left out."""
        parameters = {"account_ids": sorted(set(account_ids)), "now": self._clock()}
        found = await self._statements.all("accounts_named", parameters) if parameters["account_ids"] else ()
        return {AccountId(row["account_id"]): rows.account(row, ()) for row in found}

    async def put_account(
        self, account_id: AccountId, change: AccountChange, *, actor: str, reason: str | None = None
    ) -> Account:
        """See :meth:`Books.put_account`."""
        if change.time_zone is not None:
            checked_time_zone(change.time_zone)
        if change.anchor_day is not None:
            checked_anchor_day(change.anchor_day)
        texts = {"status_reason": change.status_reason, "email": change.email, "name": change.name}
        await self._statements.one(
            "put_account",
            {
                "account_id": account_id,
                "plan_id": change.plan_id,
                "status": change.status.value if change.status is not None else None,
                **{name: None if text is NOTHING else text for name, text in texts.items()},
                "locale": change.locale,
                "time_zone": change.time_zone,
                "anchor_day": change.anchor_day,
                "clear": [name for name, text in texts.items() if text is NOTHING],
                "reason": reason,
                "actor": actor,
                "default_plan_id": self._defaults.plan_id,
                "default_locale": self._defaults.locale,
                "default_time_zone": self._defaults.time_zone,
                "default_anchor_day": self._defaults.anchor_day,
                "now": self._clock(),
            },
        )
        return await self._existing(account_id)

    async def grant_credits(self, grant: Grant) -> GrantResult:
        """See :meth:`Books.grant_credits`."""
        checked_grant(grant.tokens)
        row = await self._statements.one(
            "grant_credits",
            {
                "account_id": grant.account_id,
                "lot_id": uuid7(),
                "tokens": grant.tokens,
                "origin": grant.origin.value,
                "reason": grant.reason,
                "actor": grant.actor,
                "key": grant.idempotency_key,
                "expires_at": grant.expires_at,
                "now": self._clock(),
            },
        )
        return GrantResult(await self._existing(grant.account_id), replayed=row["replayed"])

    async def entries(self, account_id: AccountId, *, limit: int = 50, before: int | None = None) -> Sequence[Entry]:
        """See :meth:`Books.entries`."""
        found = await self._statements.all("entries", {"account_id": account_id, "limit": limit, "before": before})
        return [rows.entry(row) for row in found]

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
        """See :meth:`Books.daily_usage`."""
        found = await self._statements.all("daily_usage", {"account_id": account_id, "since": since, "until": until})
        return [rows.daily(row) for row in found]

    async def holds(self, account_id: AccountId | None = None, *, limit: int = 100) -> Sequence[Hold]:
        """See :meth:`Books.holds`."""
        found = await self._statements.all("holds", {"account_id": account_id, "limit": limit})
        return [rows.hold(row) for row in found]

    async def plans(self) -> Sequence[Plan]:
        """See :meth:`Books.plans`."""
        return [rows.plan(row) for row in await self._statements.all("plans", {"plan_id": None})]

    async def plan(self, plan_id: str) -> Plan | None:
        """See :meth:`Books.plan`."""
        found = await self._statements.all("plans", {"plan_id": plan_id})
        return rows.plan(found[0]) if found else None

    async def put_plan(self, plan: Plan, *, actor: str, reason: str | None = None) -> Plan:
        """See :meth:`Books.put_plan`."""
        checked_terms(plan)
        row = await self._statements.one(
            "put_plan",
            {
                "plan_id": plan.plan_id,
                "monthly_tokens": plan.monthly_tokens,
                "thresholds": list(plan.thresholds),
                "allowed_models": None if plan.allowed_models is None else list(plan.allowed_models),
                "max_in_flight": plan.max_in_flight,
                "overdraft": plan.overdraft,
                "time_zone": plan.time_zone,
                "anchor_day": plan.anchor_day,
                "weights": None if plan.weights is None else json.dumps(weights_json(plan.weights)),
                "notices": plan.notices,
                "trial_days": plan.trial_days,
                "trial_then": plan.trial_then,
                "actor": actor,
                "reason": reason,
                "now": self._clock(),
            },
        )
        return rows.plan(row)

    async def verify(self, account_id: AccountId | None = None, *, progress: Progress | None = None) -> Verification:
        """See :meth:`Books.verify`. Reads one snapshot, so that traffic goes on meanwhile.

        Args:
            account_id: one account; None for all.
            progress: is told how many accounts and entries were recomputed so far.
        """
        async with self._statements.snapshot() as connection:
            return await verified(connection, account_id, progress=progress)

    async def verify_against(
        self, checkpoints: Sequence[Checkpoint], account_id: AccountId | None = None
    ) -> Verification:
        """Recompute as :meth:`verify` does, and compare every account with what signed checkpoints say of it.

        Raises:
            CheckpointError: a checkpoint is of other books, or its file was changed meanwhile.
        """
        async with self._statements.snapshot() as connection:
            return await verified(connection, account_id, checkpoints)

    async def ping(self) -> None:
        """See :meth:`Books.ping`."""
        await self._statements.all("ping", {})

    async def make_usage_partitions(self, *, months: int) -> int:
        """Make the monthly partitions of usage that are missing, up to ``months`` ahead. Returns how many."""
        row = await self._statements.one("make_usage_partitions", {"months": months, "now": self._clock()})
        return int(row["made"])

    # ------------------------------------------------------------------ within

    async def _existing(self, account_id: AccountId) -> Account:
        account = await self.account(account_id)
        if account is None:  # pragma: no cover - accounts are never deleted
            raise NotFoundError(f"There is no account {account_id!r}.")
        return account

    async def _lots(self, account_ids: Sequence[AccountId]) -> Mapping[str, Sequence[CreditLot]]:
        lots: dict[str, list[CreditLot]] = {}
        for row in await self._statements.all("lots", {"account_ids": list(account_ids)}):
            lots.setdefault(row["account_id"], []).append(rows.lot(row))
        return lots

    def _clock(self) -> dt.datetime | None:
        return self._now() if self._now is not None else None
