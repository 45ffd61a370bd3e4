"""Plans of the in-memory ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from solaris_hooks.ledger.audit_trail import AuditRecord, differing
from solaris_hooks.ledger.memory.store import MemoryStore
from solaris_hooks.ledger.records import Plan
from solaris_hooks.ledger.terms_json import plan_json
from solaris_hooks.quota.checks import checked_terms


class MemoryPlans(MemoryStore):
    """The part of :class:`~solaris_hooks.ledger.port.Books` that is about plans."""

    async def plans(self) -> Sequence[Plan]:
        """All plans, in order of id."""
        return [plan for _, plan in sorted(self._plans.items())]

    async def plan(self, plan_id: str) -> Plan | None:
        """One plan, or None."""
        return self._plans.get(plan_id)

    async def put_plan(self, plan: Plan, *, actor: str, reason: str | None = None) -> Plan:
        """Make or change a plan."""
        checked_terms(plan)
        if plan.trial_then is not None:
            self.existing_plan(plan.trial_then)
        known = self._plans.get(plan.plan_id)
        put = self._plans[plan.plan_id] = replace(plan, thresholds=tuple(plan.thresholds))
        before, after = (None, plan_json(put)) if known is None else differing(plan_json(known), plan_json(put))
        if after:
            self.trail.write(AuditRecord(0, self.now(), actor, "plan.put", None, plan.plan_id, before, after, reason))
        return put
