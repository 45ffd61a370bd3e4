"""Plans, as people look at them and change them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.postgres.part import PostgresPart
from solaris_hooks.ledger.records import Plan
from solaris_hooks.ledger.terms_json import weights_json
from solaris_hooks.quota.checks import checked_terms


class PostgresPlans(PostgresPart):
    """The part of :class:`~solaris_hooks.ledger.port.Books` that is about plans."""

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
