"""Terms of single accounts in the in-memory ledger. Tests and demos only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.ledger.audit_trail import AuditRecord, MemoryAuditTrail, differing
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.terms_json import instant_text, jsonable
from solaris_hooks.quota import cycle
from solaris_hooks.quota.checks import checked_override
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.figures import Step
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.plan import Plan
from solaris_hooks.quota.terms import Field, Override, ScheduledPlan

_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


class Accounts(Protocol):
    """What is needed of the in-memory ledger."""

    trail: MemoryAuditTrail

    def now(self) -> dt.datetime:
        """The time."""
        ...

    def known(self) -> Mapping[AccountId, MemoryAccount]:
        """All accounts as they were left."""
        ...

    def current(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount | None:
        """One account as of now, or None."""
        ...

    def thresholds(self, account: MemoryAccount) -> Sequence[int]:
        """The percentages of use at which its user is told."""
        ...

    def existing_plan(self, plan_id: str) -> Plan:
        """A plan that is there."""
        ...


class MemoryAccountTerms:
    """Keeps the contracts of ``AccountTerms`` and ``Cycle`` of :mod:`solaris_hooks.ledger.account_terms`."""

    def __init__(self, accounts: Accounts) -> None:
        """Keep the accounts."""
        self._accounts = accounts

    async def change_plan(self, change: PlanChange) -> None:
        """Change an account's plan, now or at its renewal."""
        plan = self._accounts.existing_plan(change.plan_id)
        now = self._accounts.now()
        account = self._existing(change.account_id, now)
        before = _plan_facts(account)
        figures = cycle.scheduled(account.figures, None)
        moves = plan.plan_id != figures.plan_id
        if moves and change.at_renewal:
            figures = cycle.scheduled(figures, ScheduledPlan(plan.plan_id, change.reason, change.actor, now))
        account.figures = figures
        if moves and not change.at_renewal:
            step = cycle.moved(figures, plan, now, pro_rata=change.pro_rata)
            self._take(account, step, now, actor=change.actor, reason=change.reason)
        action = "account.plan_unscheduled"
        if moves:
            action = "account.plan_scheduled" if change.at_renewal else "account.plan"
        self._record(change, action, before, _plan_facts(account))

    async def override(self, change: OverrideChange) -> None:
        """Give an account terms of its own, and take others away."""
        for name, value in change.values.items():
            checked_override(name, value)
        now = self._accounts.now()
        known = self._accounts.known().get(change.account_id)
        if known is not None and change.until is not None and change.until <= now:
            raise InvalidRequestError("An override must end in the future.", param="until")
        account = self._existing(change.account_id, now)
        fields = [*change.clear, *change.values]
        before = _override_facts(account, fields)
        standing = account.figures.standing
        kept = [each for each in standing.overrides if each.field not in fields]
        own = [
            Override(name, value, change.until, change.reason, change.actor, now)
            for name, value in change.values.items()
        ]
        overrides = tuple(sorted([*kept, *own], key=lambda each: each.field))
        figures = replace(account.figures, standing=replace(standing, overrides=overrides))
        step = cycle.adopted(Step(figures), self._accounts.existing_plan(figures.plan_id), now)
        self._take(account, step, now, actor=change.actor, reason=change.reason)
        self._record(change, "account.overrides", before, _override_facts(account, fields))

    async def renew_due(self, *, limit: int) -> int:
        """Bring accounts up to now whose period or terms have ended."""
        now = self._accounts.now()
        due = [
            account_id
            for account_id, account in self._accounts.known().items()
            if account.figures.period.end <= now or (account.figures.standing.until or _NEVER) <= now
        ]
        for account_id in due[:limit]:
            self._accounts.current(account_id, now)
        return len(due[:limit])

    def _existing(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount:
        account = self._accounts.current(account_id, now)
        if account is None:
            raise NotFoundError(f'There is no account "{account_id}".', param="account_id")
        return account

    def _take(self, account: MemoryAccount, step: Step, now: dt.datetime, *, actor: str, reason: str | None) -> None:
        account.take(step, at=now, actor=actor, reason=reason)
        if step.postings:
            account.alerts = account.alerts.rearmed(self._accounts.thresholds(account), account.balance.use_percent)

    def _record(
        self,
        change: PlanChange | OverrideChange,
        action: str,
        before: Mapping[str, object],
        after: Mapping[str, object],
    ) -> None:
        """Write down what changed, if anything did."""
        was, became = differing(before, after)
        if became:
            self._accounts.trail.write(
                AuditRecord(
                    number=0,
                    at=self._accounts.now(),
                    actor=change.actor,
                    action=action,
                    account_id=change.account_id,
                    subject=change.account_id,
                    before=was,
                    after=became,
                    reason=change.reason,
                )
            )


def _plan_facts(account: MemoryAccount) -> Mapping[str, object]:
    figures = account.figures
    planned = figures.standing.scheduled
    return {
        "plan": figures.plan_id,
        "scheduled_plan": None if planned is None else planned.plan_id,
        "allowance": figures.allowance_granted,
    }


def _override_facts(account: MemoryAccount, fields: Sequence[Field]) -> Mapping[str, object]:
    found = {name: account.figures.standing.override(name) for name in fields}
    return {
        name.value: None
        if own is None
        else {"value": jsonable(own.value), "until": None if own.until is None else instant_text(own.until)}
        for name, own in found.items()
    }
