"""What plans mean to their accounts: how many there are, what they were granted, and whom a change would touch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.plan import Plan


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """The accounts of a plan; tokens are booked tokens of the periods that run.

    Attributes:
        accounts: how many are on it.
        granted: allowance of all of them.
        used: what is used of it.
    """

    accounts: int = 0
    granted: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class PlanEffect:
    """What would become of the accounts of a plan if it changed now.

    Attributes:
        accounts: how many are on it.
        own: how many of them have a monthly allowance of their own, and keep it.
        granted_before: allowance of all of them in the periods that run, booked tokens.
        granted_after: the same after the change. What is used cannot be taken back.
        blocked: how many could use tokens, and no longer could.
        unblocked: how many could not, and then could.
    """

    accounts: int
    own: int
    granted_before: int
    granted_after: int
    blocked: int
    unblocked: int


class PlanEffects:
    """The looks, on PostgreSQL. Both read all accounts of their plans: for people, not for requests."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def figures(self) -> Mapping[str, PlanFigures]:
        """The accounts of each plan that has any."""
        found = await self._statements.all("plan_figures", {})
        return {row["plan_id"]: PlanFigures(row["accounts"], int(row["granted"]), int(row["used"])) for row in found}

    async def of(self, plan: Plan) -> PlanEffect:
        """What would become of the accounts of a plan if it were this one; changes nothing."""
        row = await self._statements.one(
            "plan_effect",
            {
                "plan_id": plan.plan_id,
                "monthly_tokens": plan.monthly_tokens,
                "overdraft": plan.overdraft,
                "now": self._clock(),
            },
        )
        return PlanEffect(
            accounts=row["accounts"],
            own=row["own"],
            granted_before=int(row["granted_before"]),
            granted_after=int(row["granted_after"]),
            blocked=row["blocked"],
            unblocked=row["unblocked"],
        )
