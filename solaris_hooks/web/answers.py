"""What the API answers, and the CLI with ``--json``: the ledger's records as JSON models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.ledger.audit_trail import AuditRecord
from solaris_hooks.ledger.records import (
    Account,
    CreditLot,
    DailyUsage,
    Entry,
    EntryKind,
    Flaw,
    Hold,
    Verification,
)
from solaris_hooks.ledger.undo import UndoKind, undo_of
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.web.fields import Instant
from solaris_hooks.web.member_answers import ShareAnswer
from solaris_hooks.web.term_answers import OverrideAnswer, ScheduledPlanAnswer, TermsAnswer


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class PeriodAnswer(_Answer):
    """The month the allowance is for."""

    start: Instant = Field(description="First instant that belongs to it.")
    end: Instant = Field(description="First instant that no longer does: the allowance renews.")


class AllowanceAnswer(_Answer):
    """The plan's tokens of this period."""

    granted: int
    used: int


class LotAnswer(_Answer):
    """Credits granted at one time."""

    id: UUID
    tokens: int
    remaining: int
    origin: str
    reason: str
    actor: str | None = Field(description="Who granted them; null in your own account.")
    created_at: Instant
    expires_at: Instant | None

    @classmethod
    def of(cls, lot: CreditLot, *, own: bool = False) -> Self:
        """A lot; ``own`` leaves out who granted it."""
        return cls(
            id=lot.lot_id,
            tokens=lot.tokens,
            remaining=lot.remaining,
            origin=lot.origin,
            reason=lot.reason,
            actor=None if own else lot.actor,
            created_at=lot.created_at,
            expires_at=lot.expires_at,
        )


class CreditsAnswer(_Answer):
    """Credits that are left."""

    remaining: int
    lots: list[LotAnswer] = Field(description="In the order in which they are used.")


class AccountAnswer(_Answer):
    """An account as of now. All tokens are booked (weighted) tokens."""

    id: str = Field(description="user:<user_id>, key:<hash>, end_user:<id> or team:<team_id>.", examples=["user:maria"])
    status: Status = Field(description="What an administrator has said; only active accounts may use tokens.")
    status_reason: str | None
    state: State = Field(description="How much is used: warning from 80 %, critical from 95 %, exhausted at 100 %.")
    plan: str
    email: str | None
    name: str | None
    locale: str
    time_zone: str
    period: PeriodAnswer
    allowance: AllowanceAnswer
    credits: CreditsAnswer
    held: int = Field(description="Held by requests in flight. Held is not used.")
    available: int = Field(description="What a new request can hold; of a team, of the member who asks.")
    overage: int = Field(description="Use beyond what was granted; taken from the next grant.")
    use_percent: int = Field(description="Whole percent of what was granted, rounded down.")
    terms: TermsAnswer
    overrides: list[OverrideAnswer] = Field(description="What is another than its plan's, by name.")
    scheduled_plan: ScheduledPlanAnswer | None = Field(description="The change of plan at the next renewal.")
    trial_ends_at: Instant | None = Field(description="When the trial ends, where the plan is one.")
    member_limit: int | None = Field(description="What each member of a team may use in a period; null: all.")
    share: ShareAnswer | None = Field(description="In your own account: what is yours of it, where it is a team's.")

    @classmethod
    def of(cls, account: Account, *, own: bool = False) -> Self:
        """An account; ``own`` leaves out which administrators granted its credits."""
        balance = account.balance
        return cls(
            id=balance.account_id,
            status=balance.status,
            status_reason=balance.status_reason or None,
            state=balance.state,
            plan=balance.plan_id,
            email=account.email or None,
            name=account.name or None,
            locale=balance.locale,
            time_zone=balance.time_zone,
            period=PeriodAnswer(start=balance.period.start, end=balance.period.end),
            allowance=AllowanceAnswer(granted=balance.allowance_granted, used=balance.allowance_used),
            credits=CreditsAnswer(
                remaining=balance.credits_remaining, lots=[LotAnswer.of(lot, own=own) for lot in account.lots]
            ),
            held=balance.held,
            available=balance.available,
            overage=balance.overage,
            use_percent=balance.use_percent,
            terms=TermsAnswer.of(account),
            overrides=[OverrideAnswer.of(each, own=own) for each in account.standing.overrides],
            scheduled_plan=ScheduledPlanAnswer.of(account.standing.scheduled, own=own),
            trial_ends_at=account.standing.trial_ends_at,
            member_limit=account.member_limit,
            share=None if balance.share is None else ShareAnswer.of(balance.share, balance),
        )


class AccountsAnswer(_Answer):
    """A page of accounts."""

    data: list[AccountAnswer]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


class EntryAnswer(_Answer):
    """One line of an account's ledger: never changed, never removed."""

    number: int
    kind: EntryKind
    tokens: int = Field(description="What it adds to (takes from) allowance left + credits - overage.")
    allowance_after: int
    credits_after: int
    overage_after: int
    at: Instant
    actor: str | None = Field(description="Who made it; null in your own account.")
    reason: str | None
    idempotency_key: str | None = Field(description="What keeps it from being made twice; null in your own account.")
    details: dict[str, Any]
    previous_hash: str = Field(description="SHA-256 of the entry before, hexadecimal.")
    hash: str = Field(description="SHA-256 over previous_hash and every other field, hexadecimal.")
    sealed_reason: str | None = Field(
        description="What the chain has in place of the reason: a salted digest, so that its words can be erased."
    )

    @classmethod
    def of(cls, entry: Entry, *, own: bool = False) -> Self:
        """An entry; ``own`` leaves out who made it and by which key."""
        return cls(
            number=entry.number,
            kind=entry.kind,
            tokens=entry.tokens,
            allowance_after=entry.allowance_after,
            credits_after=entry.credits_after,
            overage_after=entry.overage_after,
            at=entry.at,
            actor=None if own else entry.actor,
            reason=entry.reason,
            idempotency_key=None if own else entry.idempotency_key,
            details=json.loads(entry.details),
            previous_hash=entry.previous_hash.hex(),
            hash=entry.hash.hex(),
            sealed_reason=entry.sealed_reason,
        )


class EntriesAnswer(_Answer):
    """A page of entries, newest first."""

    data: list[EntryAnswer]
    next_before: int | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, entries: Sequence[Entry], limit: int, *, own: bool = False) -> Self:
        """A page, from up to ``limit + 1`` entries."""
        page = entries[:limit]
        return cls(
            data=[EntryAnswer.of(entry, own=own) for entry in page],
            next_before=page[-1].number if len(entries) > limit else None,
        )


class UndoAnswer(_Answer):
    """How a change is undone."""

    kind: UndoKind
    to: dict[str, Any] = Field(description="The fields that are put back, with their values.")


class AuditAnswer(_Answer):
    """One change by a person: never changed, never removed."""

    number: int
    at: Instant
    actor: str
    action: str
    account_id: str | None
    subject: str = Field(description="The plan, lot, request or account that was changed.")
    before: dict[str, Any] | None = Field(description="The fields that changed, as they were.")
    after: dict[str, Any] | None = Field(description="The same fields as they became.")
    reason: str | None
    batch_id: UUID | None = Field(description="The batch that it was part of.")
    undoes: int | None = Field(description="Number of the change that it undid.")
    undone_by: int | None = Field(description="Number of the change that undid it.")
    undo: UndoAnswer | None = Field(
        description="How it can be undone, unless what it changed has changed since; null where it cannot."
    )

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        """A change."""
        undo = undo_of(record)
        return cls.model_validate(
            {
                **{name: getattr(record, name) for name in cls.model_fields if name != "undo"},
                "undo": None if undo is None else UndoAnswer(kind=undo.kind, to=dict(undo.to)),
            }
        )


class AuditPageAnswer(_Answer):
    """A page of changes, newest first."""

    data: list[AuditAnswer]
    next_before: int | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, records: Sequence[AuditRecord], limit: int) -> Self:
        """A page, from up to ``limit + 1`` changes."""
        page = records[:limit]
        return cls(
            data=[AuditAnswer.of(each) for each in page],
            next_before=page[-1].number if len(records) > limit else None,
        )


class TotalsAnswer(_Answer):
    """Tokens of a number of requests: as the provider reported them, and as they were booked."""

    requests: int
    estimated_requests: int = Field(description="Of these, how many were booked by an estimate of ours.")
    input_tokens: int = Field(description="Whole prompts, cached part included.")
    cached_input_tokens: int
    output_tokens: int
    charge: int = Field(description="Booked (weighted) tokens.")


class DayAnswer(TotalsAnswer):
    """Totals of one local day and one model."""

    day: date
    model: str


class UsageAnswer(_Answer):
    """Use of an account over some days."""

    since: date
    until: date
    totals: TotalsAnswer
    data: list[DayAnswer] = Field(description="By day and model, oldest first.")

    @classmethod
    def of(cls, since: date, until: date, days: Sequence[DailyUsage]) -> Self:
        """Days and their sum."""
        fields = list(TotalsAnswer.model_fields)
        return cls(
            since=since,
            until=until,
            totals=TotalsAnswer(**{name: sum(getattr(each, name) for each in days) for name in fields}),
            data=[
                DayAnswer(day=each.day, model=each.model, **{name: getattr(each, name) for name in fields})
                for each in days
            ],
        )


class HoldAnswer(_Answer):
    """Tokens held by one request in flight."""

    account_id: str
    hold_id: UUID
    model: str
    amount: int
    prompt: int
    held_at: Instant
    lease_until: Instant

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """A hold."""
        return cls.model_validate(hold, from_attributes=True)


class FlawAnswer(_Answer):
    """Something in the books that cannot be true."""

    account_id: str
    entry: int | None = Field(description="Number of the entry at fault; null where it is the account's figures.")
    message: str

    @classmethod
    def of(cls, flaw: Flaw) -> Self:
        """A flaw."""
        return cls.model_validate(flaw, from_attributes=True)


class VerificationAnswer(_Answer):
    """Result of recomputing the books."""

    ok: bool
    accounts: int
    entries: int
    flaws: list[FlawAnswer]
    more_flaws: int = Field(description="How many were found beyond those listed.")

    @classmethod
    def of(cls, result: Verification) -> Self:
        """A result."""
        return cls(
            ok=result.ok,
            accounts=result.accounts,
            entries=result.entries,
            flaws=[FlawAnswer.of(flaw) for flaw in result.flaws],
            more_flaws=result.more_flaws,
        )


class HealthAnswer(_Answer):
    """The books can be read."""

    status: str = Field(examples=["ok"])
