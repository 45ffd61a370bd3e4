"""Ends the holds whose process died: by what LiteLLM logged of them, else by policy."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Hold, Settlement
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.quota.weights import WeightTable

_LOG = logging.getLogger(__name__)

CLAIM_SECONDS = 60
"""How long a sweeper has for a batch before another may take it."""


@dataclass(frozen=True, slots=True)
class LoggedUse:
    """What LiteLLM's spend logs say of a hold.

    Attributes:
        team_id: LiteLLM's, of the key; None where it has none.
    """

    model: str
    usage: Usage
    team_id: str | None = None


class SpendLogs(Protocol):
    """LiteLLM's own record of calls."""

    async def used_by(self, holds: Sequence[Hold]) -> Mapping[HoldId, LoggedUse]:
        """What is logged of some holds; empty where nothing is, or where there are no logs."""
        ...


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one sweep did.

    Attributes:
        swept: holds ended.
        from_spend_logs: of these, booked with what LiteLLM had logged: exact.
        estimated: of these, booked by estimate.
        released: of these, released unbooked, by policy.
    """

    swept: int
    from_spend_logs: int
    estimated: int
    released: int


class Sweeper:
    """Sweeps in batches; several processes may sweep at once, each takes holds of its own."""

    def __init__(self, *, ledger: Ledger, spend_logs: SpendLogs, weights: WeightTable, policy: str) -> None:
        """Keep the collaborators.

        Args:
            ledger: whose holds to end.
            spend_logs: asked first.
            weights: for what the logs report, unless the account's plan has its own.
            policy: for holds that no log knows: ``prompt`` books the estimate of the prompt, ``hold`` all
                that was held, ``release`` nothing.
        """
        self._ledger = ledger
        self._spend_logs = spend_logs
        self._weights = weights
        self._policy = policy

    async def sweep(self, *, limit: int) -> SweepReport:
        """End up to ``limit`` holds whose lease ran out.

        Raises:
            LedgerError: the books cannot be reached; what was ended stays ended.
        """
        holds = await self._ledger.claim_expired(limit=limit, claim_seconds=CLAIM_SECONDS)
        if not holds:
            return SweepReport(0, 0, 0, 0)
        logged = await self._spend_logs.used_by(holds)
        released = 0
        for hold in holds:
            use = logged.get(hold.hold_id)
            if use is None and self._policy == "release":
                await self._ledger.release(hold.account_id, hold.hold_id)
                released += 1
            else:
                await self._ledger.settle(await self._settlement(hold, use))
        found = len(logged)
        report = SweepReport(len(holds), found, len(holds) - found - released, released)
        _LOG.warning(
            "swept %d lost holds: %d by LiteLLM's logs, %d by estimate, %d released",
            report.swept,
            report.from_spend_logs,
            report.estimated,
            report.released,
        )
        return report

    async def _settlement(self, hold: Hold, use: LoggedUse | None) -> Settlement:
        if use is not None:
            account = await self._ledger.account(hold.account_id)
            own = account.balance.terms.weights if account is not None else None
            weights = (self._weights if own is None else own).of(use.model)
            return Settlement(
                account_id=hold.account_id,
                hold_id=hold.hold_id,
                model=use.model,
                charge=weights.charge(use.usage),
                usage=use.usage,
                source=UsageSource.SPEND_LOG,
                details={} if use.team_id is None else {"team": use.team_id},
                member_id=hold.member_id,
            )
        charge = hold.amount if self._policy == "hold" else hold.prompt
        return Settlement(
            account_id=hold.account_id,
            hold_id=hold.hold_id,
            model=hold.model,
            charge=charge,
            usage=Usage(input_tokens=charge, output_tokens=0),
            source=UsageSource.SWEEP,
            details={"policy": self._policy},
            member_id=hold.member_id,
        )
