"""Accounts, as the API answers them."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.records import Account, CreditLot
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.web.answers.answer import Answer
from solaris_hooks.web.fields import Instant
from solaris_hooks.web.member_answers import ShareAnswer
from solaris_hooks.web.term_answers import OverrideAnswer, ScheduledPlanAnswer, TermsAnswer


class PeriodAnswer(Answer):
    """The month the allowance is for."""

    start: Instant = Field(description="First instant that belongs to it.")
    end: Instant = Field(description="First instant that no longer does: the allowance renews.")


class AllowanceAnswer(Answer):
    """The plan's tokens of this period."""

    granted: int
    used: int


class LotAnswer(Answer):
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


class CreditsAnswer(Answer):
    """Credits that are left."""

    remaining: int
    lots: list[LotAnswer] = Field(description="In the order in which they are used.")


class AccountAnswer(Answer):
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


class AccountsAnswer(Answer):
    """A page of accounts."""

    data: list[AccountAnswer]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")
