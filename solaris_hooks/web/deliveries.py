"""Deliveries as the API and the CLI show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryRecord, DeliveryState
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.fields import Instant, SomeText


class DeliveryAnswer(BaseModel):
    """One event on its way to one target."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    account_id: str | None = Field(description="Whom the event is about; null where it is about no account.")
    event_id: UUID
    kind: str
    channel: str
    target: str = Field(description="An e-mail address, or the name of a webhook.")
    audience: str
    state: DeliveryState
    attempts: int = Field(description="Since it was made, or last sent again by a person.")
    resends: int = Field(description="How often a person had it sent again.")
    last_error: str | None = Field(description="Of the last attempt, or why it was skipped.")
    folded_into: UUID | None = Field(description="The delivery that tells this event, too.")
    created_at: Instant
    attempted_at: Instant | None
    ended_at: Instant | None

    @classmethod
    def of(cls, record: DeliveryRecord) -> Self:
        """A delivery."""
        return cls(
            id=record.delivery_id,
            account_id=record.account_id,
            event_id=record.event_id,
            kind=record.kind,
            channel=record.channel,
            target=record.target,
            audience=record.audience,
            state=record.state,
            attempts=record.attempts,
            resends=record.resends,
            last_error=record.last_error,
            folded_into=record.folded_into,
            created_at=record.created_at,
            attempted_at=record.attempted_at,
            ended_at=record.ended_at,
        )


class DeliveriesAnswer(BaseModel):
    """A page of deliveries, newest first."""

    model_config = ConfigDict(frozen=True)

    data: list[DeliveryAnswer]
    next_before: UUID | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, records: Sequence[DeliveryRecord], limit: int) -> Self:
        """A page, from up to ``limit + 1`` deliveries."""
        page = records[:limit]
        return cls(
            data=[DeliveryAnswer.of(each) for each in page],
            next_before=page[-1].delivery_id if len(records) > limit else None,
        )


class DeliveriesQuery(BaseModel):
    """Which deliveries to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: DeliveryState | None = Field(None, description="Only those in this state.")
    account: str | None = Field(None, max_length=300, description="Only about this account.")
    channel: str | None = Field(None, pattern="^(mail|webhook)$", description="Only over this channel.")
    limit: int = Field(50, ge=1, le=500, description="Deliveries of a page.")
    before: UUID | None = Field(None, description="Only those made before this one.")

    @property
    def wanted(self) -> DeliveryFilter:
        """The same for the ledger.

        Raises:
            InvalidRequestError: the account's id is none.
        """
        return DeliveryFilter(
            account_id=account_id(self.account) if self.account is not None else None,
            state=self.state,
            channel=self.channel,
            before=self.before,
        )


class ResendBody(BaseModel):
    """Why a delivery is sent again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: SomeText = Field(description="For the audit trail.")


class MailsAnswer(BaseModel):
    """Whether an account's user gets mails."""

    model_config = ConfigDict(frozen=True)

    mails: bool


class MailsBody(BaseModel):
    """Whether an account's user shall get mails."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mails: StrictBool
    reason: SomeText | None = Field(None, description="For the audit trail.")
