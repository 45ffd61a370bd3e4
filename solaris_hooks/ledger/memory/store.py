"""What the in-memory ledger keeps, and how an account comes to be as of now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from solaris_hooks.ledger.audit_trail import MemoryAuditTrail
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.records import Account, Hold, NewAccount, Plan
from solaris_hooks.quota import cycle, rules
from solaris_hooks.quota.checks import checked_anchor_day, checked_time_zone
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId

DEFAULT_PLAN = Plan("default", 1_000_000)


class MemoryStore:
    """Accounts and plans in memory, and the clock. The parts of the ledger are made of it."""

    def __init__(self, now: Callable[[], dt.datetime], defaults: NewAccount) -> None:
        """Start with the default plan and no accounts.

        Args:
            now: the clock; aware times.
            defaults: what accounts get that ``put_account`` makes.
        """
        self._clock = now
        self._defaults = defaults
        self._accounts: dict[AccountId, MemoryAccount] = {}
        self._plans = {DEFAULT_PLAN.plan_id: DEFAULT_PLAN}
        self.trail = MemoryAuditTrail()

    def now(self) -> dt.datetime:
        """The time."""
        return self._clock()

    def known(self) -> Mapping[AccountId, MemoryAccount]:
        """All accounts as they were left."""
        return self._accounts

    def thresholds(self, account: MemoryAccount) -> Sequence[int]:
        """The percentages of use at which an account's user is told."""
        return cycle.thresholds(account.figures.standing, self._plans[account.figures.plan_id])

    def existing_plan(self, plan_id: str) -> Plan:
        """A plan that is there.

        Raises:
            NotFoundError: there is none.
        """
        plan = self._plans.get(plan_id)
        if plan is None:
            raise NotFoundError(f'There is no plan "{plan_id}".', param="plan_id")
        return plan

    def current(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount | None:
        """The account as of now, or None."""
        account = self._accounts.get(account_id)
        return account and self._as_of(account, now)

    def notices(self, account: MemoryAccount) -> bool:
        """Whether the chat tells an account's user anything: his plan and he himself must say so."""
        by_plan = cycle.notices(account.figures.standing, self._plans[account.figures.plan_id])
        return account.chat_notices and by_plan

    def _as_of(self, account: MemoryAccount, now: dt.datetime) -> MemoryAccount:
        before = account.balance
        turn = cycle.as_of(account.figures, plans=self._plans, now=now)
        account.take(turn.step, at=now)
        if turn.trial_ended:
            account.trial_ended(now)
        if account.figures.period.start != before.period.start:
            account.renewed(before.used, now)
        elif any(posting.kind == "plan_change" for posting in turn.step.postings):
            account.alerts = account.alerts.rearmed(self.thresholds(account), account.balance.use_percent)
        return account

    def _read(self, account: MemoryAccount) -> Account:
        return replace(account.account, notices=self.notices(account))

    def _open(self, account_id: AccountId, new: NewAccount, now: dt.datetime, *, email: str | None) -> MemoryAccount:
        plan = self.existing_plan(new.plan_id)
        step = rules.opened(
            plan_id=plan.plan_id,
            monthly_tokens=plan.monthly_tokens,
            time_zone=checked_time_zone(new.time_zone),
            anchor_day=checked_anchor_day(new.anchor_day),
            now=now,
        )
        step = cycle.adopted(step, plan, now)
        account = MemoryAccount(account_id, step.figures, created_at=now, locale=new.locale, status=new.status)
        account.take(step, at=now)
        account.emit(EventKind.ACCOUNT_CREATED, "created", now, email=email, status=new.status.value)
        self._accounts[account_id] = account
        return account

    def _planned(self, new: NewAccount) -> NewAccount:
        """What a new account starts with, with the months that its plan wants."""
        plan = self.existing_plan(new.plan_id)
        return replace(new, time_zone=plan.time_zone or new.time_zone, anchor_day=plan.anchor_day or new.anchor_day)

    def _all_holds(self) -> list[Hold]:
        return [hold for account in self._accounts.values() for hold in account.holds.values()]
