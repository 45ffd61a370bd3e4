"""What the API answers about lots of and requests for credits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.compensation import Affected, Compensated
from solaris_hooks.ledger.credit_requests import CreditRequest, RequestState
from solaris_hooks.ledger.records import CreditLot
from solaris_hooks.settings import CreditPackage
from solaris_hooks.web.answers import Answer, LotAnswer
from solaris_hooks.web.fields import Instant

MOST_SHOWN = 1000
"""Accounts that an answer lists; it counts all."""


class RevocationAnswer(Answer):
    """What was taken back."""

    account_id: str
    lot_id: UUID
    revoked: int = Field(description="What was unused of the lot and held by no request in flight.")


class LotsAnswer(Answer):
    """A page of lots, newest first."""

    data: list[LotAnswer]
    next_before: UUID | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, lots: Sequence[CreditLot], limit: int) -> Self:
        """A page, from up to ``limit + 1`` lots."""
        page = lots[:limit]
        return cls(data=[LotAnswer.of(lot) for lot in page], next_before=page[-1].lot_id if len(lots) > limit else None)


class RequestAnswer(Answer):
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
    requested_by: str | None = Field(description="Of a team's account, the member; null in your own requests.")
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
            requested_by=None if own else request.requested_by,
            decided_at=request.decided_at,
            decided_by=None if own else request.decided_by,
            decision_reason=request.decision_reason,
            granted_tokens=request.granted_tokens,
            lot_id=request.lot_id,
        )


class RequestsAnswer(Answer):
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


class PackageAnswer(Answer):
    """Credits on offer."""

    name: str
    tokens: int
    price: Decimal
    currency: str = Field(description="ISO 4217.")

    @classmethod
    def of(cls, package: CreditPackage) -> Self:
        """A package."""
        return cls.model_validate(package, from_attributes=True)


class PackagesAnswer(Answer):
    """All credits on offer."""

    data: list[PackageAnswer]


class AffectedAnswer(Answer):
    """An account that is to be compensated."""

    account_id: str
    requests: int = Field(description="Begun within the time, as far as the books know.")
    failed: int = Field(description="Of these, how many failed.")
    charge: int = Field(description="Booked tokens of all.")
    tokens: int = Field(description="What it is to get.")


class CompensationAnswer(Answer):
    """Who is to be compensated, and what was granted now."""

    campaign: str
    dry_run: bool
    accounts: int = Field(description="How many are to be compensated.")
    tokens: int = Field(description="With how many tokens in all.")
    granted_accounts: int = Field(description="How many were granted now, and not before.")
    granted_tokens: int
    data: list[AffectedAnswer] = Field(description="The first of them, in order of id.")

    @classmethod
    def of(
        cls, campaign: str, affected: Sequence[Affected], granted: Compensated | None, *, shown: int = MOST_SHOWN
    ) -> Self:
        """The result of a run; ``granted`` is None for a dry one."""
        return cls(
            campaign=campaign,
            dry_run=granted is None,
            accounts=len(affected),
            tokens=sum(each.tokens for each in affected),
            granted_accounts=granted.accounts if granted else 0,
            granted_tokens=granted.tokens if granted else 0,
            data=[AffectedAnswer.model_validate(each, from_attributes=True) for each in affected[:shown]],
        )
