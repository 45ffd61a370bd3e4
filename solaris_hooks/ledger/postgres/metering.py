"""Requests: held, extended, settled, each in one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.lanes import Lanes
from solaris_hooks.ledger.lengths import LengthCount
from solaris_hooks.ledger.postgres.part import PostgresPart
from solaris_hooks.ledger.records import (
    ExtendResult,
    Extension,
    Hold,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    Settlement,
    SettleOutcome,
    SettleResult,
)
from solaris_hooks.quota.ids import AccountId, HoldId

MOST_ANSWERS = 20_000
"""Of each model and kind: enough for one in 1,000, few enough to follow a model that changes."""


class PostgresMetering(PostgresPart):
    """Keeps the contracts of :class:`~solaris_hooks.ledger.port.Metering` and of ``LengthBook``."""

    _lanes: Lanes

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
