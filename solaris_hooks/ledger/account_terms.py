"""What people change of one account's terms: its plan, now or at the renewal, and what it has of its own."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.checks import checked_override
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import Field, OverrideValue


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Another plan for an account.

    Attributes:
        at_renewal: it waits for the end of the period; False: now.
        pro_rata: a change now makes the allowance of this period the old plan's by time elapsed and the new
            plan's by time left; False: the new plan's whole. Nothing that is used is taken back in either case.
        reason: why, for administrators.
    """

    account_id: AccountId
    plan_id: str
    actor: str
    at_renewal: bool = False
    pro_rata: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OverrideChange:
    """Terms of an account's own.

    Attributes:
        values: what holds in place of what its plan says.
        clear: what its plan says holds again.
        until: first instant at which the values no longer hold, UTC; None for good.
        reason: why, for administrators.
    """

    account_id: AccountId
    actor: str
    reason: str
    values: Mapping[Field, OverrideValue] = field(default_factory=dict)
    clear: Sequence[Field] = ()
    until: dt.datetime | None = None


class AccountTerms(Protocol):
    """Terms of single accounts. Every change is written to the audit trail."""

    async def change_plan(self, change: PlanChange) -> None:
        """Change an account's plan. A change now undoes one that was scheduled.

        So does, at the renewal, the plan that the account has already: that is how a scheduled one is cancelled.

        Raises:
            NotFoundError: there is no such account or plan.
        """
        ...

    async def override(self, change: OverrideChange) -> None:
        """Give an account terms of its own, and take others away. They apply at once.

        Raises:
            NotFoundError: there is no such account.
            InvalidRequestError: a value cannot be, or the end is not in the future.
        """
        ...


class Cycle(Protocol):
    """What time does to accounts that nobody looks at."""

    async def renew_due(self, *, limit: int) -> int:
        """Bring up to ``limit`` accounts up to now whose period or terms have ended. Returns how many there were.

        Call it until it returns less than ``limit``. Several processes may call it at once.
        """
        ...


class PostgresAccountTerms:
    """Keeps the contracts of :class:`AccountTerms` and :class:`Cycle` on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock for tests."""
        self._statements = statements
        self._clock = clock

    async def change_plan(self, change: PlanChange) -> None:
        """See :meth:`AccountTerms.change_plan`."""
        await self._statements.one(
            "change_plan",
            {
                "account_id": change.account_id,
                "plan_id": change.plan_id,
                "at_renewal": change.at_renewal,
                "pro_rata": change.pro_rata,
                "reason": change.reason,
                "actor": change.actor,
                "now": self._clock(),
            },
        )

    async def override(self, change: OverrideChange) -> None:
        """See :meth:`AccountTerms.override`."""
        for name, value in change.values.items():
            checked_override(name, value)
        await self._statements.one(
            "put_overrides",
            {
                "account_id": change.account_id,
                "values": json.dumps({name.value: value for name, value in change.values.items()}),
                "clear": [name.value for name in change.clear],
                "until": change.until,
                "reason": change.reason,
                "actor": change.actor,
                "now": self._clock(),
            },
        )

    async def renew_due(self, *, limit: int) -> int:
        """See :meth:`Cycle.renew_due`."""
        row = await self._statements.one("renew_due", {"limit": limit, "now": self._clock()})
        return int(row["renewed"])
