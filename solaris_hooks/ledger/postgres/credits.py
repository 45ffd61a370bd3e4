"""Lots of and requests for credits on PostgreSQL: each method is one statement, one round trip and one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.credit_lots import Revocation, RevocationResult
from solaris_hooks.ledger.credit_requests import (
    CreditRequest,
    Decision,
    NewCreditRequest,
    Payment,
    RequestOutcome,
    RequestState,
)
from solaris_hooks.ledger.records import CreditLot
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.ids import AccountId


class PostgresCreditLots:
    """Keeps the contract of :class:`CreditLots` on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def all(self, account_id: AccountId, *, limit: int = 50, before: UUID | None = None) -> Sequence[CreditLot]:
        """See :meth:`CreditLots.all`."""
        found = await self._statements.all("all_lots", {"account_id": account_id, "limit": limit, "before": before})
        return [rows.lot(row) for row in found]

    async def revoke(self, revocation: Revocation) -> RevocationResult:
        """See :meth:`CreditLots.revoke`."""
        row = await self._statements.one(
            "revoke_credits",
            {
                "account_id": revocation.account_id,
                "lot_id": revocation.lot_id,
                "reason": revocation.reason,
                "actor": revocation.actor,
                "key": revocation.idempotency_key,
                "now": self._clock(),
            },
        )
        return RevocationResult(row["revoked"], row["replayed"])

    async def expire_due(self, *, limit: int) -> int:
        """See :meth:`CreditLots.expire_due`."""
        row = await self._statements.one("expire_due", {"limit": limit, "now": self._clock()})
        return int(row["accounts"])


class PostgresRequestBook:
    """Keeps the contract of :class:`RequestBook` on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def make(self, new: NewCreditRequest) -> RequestOutcome:
        """See :meth:`RequestBook.make`."""
        row = await self._statements.one(
            "request_credits",
            {
                "request_id": new.request_id,
                "account_id": new.account_id,
                "tokens": new.tokens,
                "reason": new.reason,
                "package": new.package,
                "price": new.price,
                "currency": new.currency,
                "actor": new.actor,
                "open_limit": new.open_limit,
                "day_limit": new.day_limit,
                "now": self._clock(),
            },
        )
        return RequestOutcome(row["outcome"])

    async def decide(self, decision: Decision) -> RequestOutcome:
        """See :meth:`RequestBook.decide`."""
        payment = decision.payment
        row = await self._statements.one(
            "decide_request",
            {
                "request_id": decision.request_id,
                "account_id": decision.account_id,
                "state": decision.state.value,
                "tokens": decision.tokens,
                "lot_id": uuid7(),
                "expires_at": decision.expires_at,
                "payment_provider": payment.provider if payment else None,
                "payment_id": payment.payment_id if payment else None,
                "reason": decision.reason,
                "actor": decision.actor,
                "now": self._clock(),
            },
        )
        return RequestOutcome(row["outcome"])

    async def get(self, request_id: UUID) -> CreditRequest | None:
        """See :meth:`RequestBook.get`."""
        found = await self._found(request_id=request_id, limit=1)
        return found[0] if found else None

    async def find(
        self,
        *,
        account_id: AccountId | None = None,
        state: RequestState | None = None,
        requested_by: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Sequence[CreditRequest]:
        """See :meth:`RequestBook.find`."""
        return await self._found(
            account_id=account_id, state=state, requested_by=requested_by, limit=limit, before=before
        )

    async def waiting(self, *, limit: int, after: int | None = None) -> Sequence[CreditRequest]:
        """Requests that wait for a decision, oldest first, with numbers above ``after``."""
        rows = await self._statements.all("requests_waiting", {"limit": limit, "after": after})
        return [_request(row) for row in rows]

    async def how_many_wait(self) -> int:
        """How many requests wait for a decision."""
        row = await self._statements.one("requests_waiting_count", {})
        return int(row["waiting"])

    async def _found(
        self,
        *,
        limit: int,
        request_id: UUID | None = None,
        account_id: AccountId | None = None,
        state: RequestState | None = None,
        requested_by: str | None = None,
        before: int | None = None,
    ) -> Sequence[CreditRequest]:
        rows = await self._statements.all(
            "credit_requests",
            {
                "request_id": request_id,
                "account_id": account_id,
                "state": state.value if state else None,
                "requested_by": requested_by,
                "limit": limit,
                "before": before,
            },
        )
        return [_request(row) for row in rows]


def _request(row: Row) -> CreditRequest:
    columns = dict(row)
    provider, payment_id = columns.pop("payment_provider"), columns.pop("payment_id")
    decided_at = columns.pop("decided_at")
    return CreditRequest(
        **{
            **columns,
            "state": RequestState(row["state"]),
            "requested_at": row["requested_at"].astimezone(dt.UTC),
            "decided_at": decided_at and decided_at.astimezone(dt.UTC),
            "payment": Payment(provider, payment_id) if payment_id is not None else None,
        }
    )
