"""What the API answers about lots of and requests for credits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.credit_requests import CreditRequest, RequestState
from solaris_hooks.ledger.records import CreditLot
from solaris_hooks.settings import CreditPackage
from solaris_hooks.web.answers import LotAnswer, _Answer
from solaris_hooks.web.fields import Instant


class RevocationAnswer(_Answer):
    """What was taken back."""

    account_id: str
    lot_id: UUID
    revoked: int = Field(description="What was unused of the lot and held by no request in flight.")


class LotsAnswer(_Answer):
    """A page of lots, newest first."""

    data: list[LotAnswer]
    next_before: UUID | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, lots: Sequence[CreditLot], limit: int) -> Self:
        """A page, from up to ``limit + 1`` lots."""
        page = lots[:limit]
        return cls(data=[LotAnswer.of(lot) for lot in page], next_before=page[-1].lot_id if len(lots) > limit else None)


class RequestAnswer(_Answer):
    """A request for credits."""

    id: UUID
    number: int
    account_id: str
    tokens: int = Field(description="What was asked for.")
    reason: str
    package: str | None
    price: Decimal | None = Field(description="Of the package, on the day of the request.")
    currency: str | None
    state: RequestState
    requested_at: Instant
    decided_at: Instant | None
    decided_by: str | None = Field(description="Null in your own requests.")
    decision_reason: str | None
    granted_tokens: int | None = Field(description="What was approved; it may differ from `tokens`.")
    lot_id: UUID | None = Field(description="The credits that were granted.")

    @classmethod
    def of(cls, request: CreditRequest, *, own: bool = False) -> Self:
        """A request; ``own`` leaves out who decided it."""
        return cls(
            id=request.request_id,
            number=request.number,
            account_id=request.account_id,
            tokens=request.tokens,
            reason=request.reason,
            package=request.package,
            price=request.price,
            currency=request.currency,
            state=request.state,
            requested_at=request.requested_at,
            decided_at=request.decided_at,
            decided_by=None if own else request.decided_by,
            decision_reason=request.decision_reason,
            granted_tokens=request.granted_tokens,
            lot_id=request.lot_id,
        )


class RequestsAnswer(_Answer):
    """A page of requests, newest first."""

    data: list[RequestAnswer]
    next_before: int | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, requests: Sequence[CreditRequest], limit: int, *, own: bool = False) -> Self:
        """A page, from up to ``limit + 1`` requests."""
        page = requests[:limit]
        return cls(
            data=[RequestAnswer.of(each, own=own) for each in page],
            next_before=page[-1].number if len(requests) > limit else None,
        )


class PackageAnswer(_Answer):
    """Credits on offer."""

    name: str
    tokens: int
    price: Decimal
    currency: str = Field(description="ISO 4217.")

    @classmethod
    def of(cls, package: CreditPackage) -> Self:
        """A package."""
        return cls.model_validate(package, from_attributes=True)


class PackagesAnswer(_Answer):
    """All credits on offer."""

    data: list[PackageAnswer]
