"""What the API answers of refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.ledger.refusal_book import RefusalTotal
from solaris_hooks.ledger.refusal_records import Asked, Estimate, Figures, Holders, Refusal, RefusalReason
from solaris_hooks.ledger.refusal_words import explain
from solaris_hooks.quota.balance import Status
from solaris_hooks.web.fields import Instant


class RefusalFigures(BaseModel):
    """The account as the refusing statement saw it, in booked tokens."""

    model_config = ConfigDict(frozen=True)

    plan: str
    status: Status
    granted: int = Field(description="Of the period: the allowance, and credits used in it or still there.")
    allowance_granted: int
    allowance_used: int
    credits_remaining: int
    credits_used: int
    used: int = Field(description="In the period, overage included.")
    overdraft: int
    overage: int
    left: int = Field(description="Granted and not used, with the overdraft, held tokens included; may be below 0.")
    held: int
    available: int = Field(description="What a request could hold.")
    max_in_flight: int | None
    renews_at: Instant

    @classmethod
    def of(cls, figures: Figures) -> Self:
        """The figures of an account."""
        return cls(
            plan=figures.plan_id,
            status=figures.status,
            granted=figures.granted,
            allowance_granted=figures.allowance_granted,
            allowance_used=figures.allowance_used,
            credits_remaining=figures.credits_remaining,
            credits_used=figures.credits_used,
            used=figures.used,
            overdraft=figures.overdraft,
            overage=figures.overage,
            left=figures.spendable,
            held=figures.held,
            available=figures.available,
            max_in_flight=figures.max_in_flight,
            renews_at=figures.renews_at,
        )


class WeightsAnswer(BaseModel):
    """Booked tokens for a token of each kind, as decimal text."""

    model_config = ConfigDict(frozen=True)

    input: str
    cached_input: str
    output: str


class RefusalDemand(BaseModel):
    """What was asked for, and how that was estimated."""

    model_config = ConfigDict(frozen=True)

    want: int = Field(description="Booked tokens that it could use at the most.")
    fair: int = Field(description="Booked tokens that nearly all such requests stay within.")
    minimum: int = Field(description="Booked tokens without which it could do nothing.")
    sized_by: str = Field(description="The model, of those that may answer, by which it needed most.")
    estimate: Estimate
    prompt_tokens: int = Field(description="What the prompt was taken for, in the provider's tokens.")
    prompt_bound: int = Field(description="What it can be at the most by its bytes.")
    prompt_counted: int | None = Field(description="By the tokenizer; null where it was not counted.")
    count_percent: int = Field(description="What the provider is known to count, in percent of the tokenizer's count.")
    output_tokens: int = Field(description="The most that each answer could have.")
    usual_output: int | None
    choices: int
    cap_asked: int | None = Field(description="The limit that the request itself set.")
    model_limit: int | None
    weights: WeightsAnswer
    price: int = Field(description="Booked tokens of what is paid by the unit.")

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """What a request asked for."""
        return cls(
            want=asked.want,
            fair=asked.fair,
            minimum=asked.minimum,
            sized_by=asked.sized_by,
            estimate=asked.estimate,
            prompt_tokens=asked.prompt_tokens,
            prompt_bound=asked.prompt_bound,
            prompt_counted=asked.prompt_counted,
            count_percent=asked.count_percent,
            output_tokens=asked.output_tokens,
            usual_output=asked.usual_output,
            choices=asked.choices,
            cap_asked=asked.cap_asked,
            model_limit=asked.model_limit,
            weights=WeightsAnswer(
                input=asked.weight_input, cached_input=asked.weight_cached_input, output=asked.weight_output
            ),
            price=asked.price,
        )


class HolderAnswer(BaseModel):
    """A running request that held tokens."""

    model_config = ConfigDict(frozen=True)

    hold_id: UUID
    model: str
    amount: int
    held_at: Instant


class HoldersAnswer(BaseModel):
    """Which requests of the account held its tokens."""

    model_config = ConfigDict(frozen=True)

    requests: int = Field(description="How many there were.")
    amount: int = Field(description="Booked tokens of all of them.")
    largest: list[HolderAnswer] = Field(description="Those that held most, 20 at the most.")
    read_at: Instant = Field(description="When this was read: a moment after the refusal.")

    @classmethod
    def of(cls, holders: Holders) -> Self:
        """Who held."""
        return cls(
            requests=holders.requests,
            amount=holders.amount,
            largest=[
                HolderAnswer(hold_id=each.hold_id, model=each.model, amount=each.amount, held_at=each.held_at)
                for each in holders.largest
            ],
            read_at=holders.read_at,
        )


class OwnRefusalAnswer(BaseModel):
    """A request of one's own that was refused, or several of a kind with the figures of the first."""

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(description="What the answer's header `x-solaris-refusal-id` said.")
    at: Instant
    last_at: Instant
    count: int = Field(description="Refusals of the same reason and model, within a minute from the first.")
    kind: Literal["refused", "cut_short"] = Field(description="`cut_short`: an answer that ended before its time.")
    reason: RefusalReason
    status: int
    message: str = Field(description="What the client was told.")
    param: str | None
    call_type: str
    path: str | None
    model: str | None
    locale: str
    waited_ms: int = Field(description="How long it waited for other requests to end.")
    figures: RefusalFigures | None = Field(description="Null where the account's figures were not known.")
    asked: RefusalDemand | None = Field(description="Null where it was refused before it was sized.")
    holders: HoldersAnswer | None = Field(description="Null where nothing was held, or nobody could tell.")
    explanation: list[str] = Field(description="The same in sentences.")

    @classmethod
    def of(cls, refusal: Refusal, locale: str | None = None) -> Self:
        """A refusal, explained in a language; None for that of its message."""
        return cls.model_validate(_fields(refusal, locale))


class RefusalAnswer(OwnRefusalAnswer):
    """A refusal with whose it was, and where."""

    account_id: str | None = Field(description="Null where nobody knew whose request it was.")
    key_prefix: str | None = Field(description="First characters of the hash of the key.")
    process: str = Field(description="Host and process of the proxy.")


class RefusalsAnswer(BaseModel):
    """A page of refusals, newest first."""

    model_config = ConfigDict(frozen=True)

    data: list[RefusalAnswer]
    next_before: UUID | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, records: Sequence[Refusal], limit: int, locale: str | None = None) -> Self:
        """A page, from up to ``limit + 1`` refusals."""
        page = records[:limit]
        return cls(data=[RefusalAnswer.of(each, locale) for each in page], next_before=_next(records, limit))


class OwnRefusalsAnswer(BaseModel):
    """A page of one's own refusals, newest first."""

    model_config = ConfigDict(frozen=True)

    data: list[OwnRefusalAnswer]
    next_before: UUID | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, records: Sequence[Refusal], limit: int, locale: str | None = None) -> Self:
        """A page, from up to ``limit + 1`` refusals."""
        page = records[:limit]
        return cls(data=[OwnRefusalAnswer.of(each, locale) for each in page], next_before=_next(records, limit))


class RefusalTotalAnswer(BaseModel):
    """How much was refused on a day for a reason."""

    model_config = ConfigDict(frozen=True)

    day: dt.date = Field(description="As the account's zone has it; UTC where no account was known.")
    reason: RefusalReason
    count: int
    accounts: int

    @classmethod
    def of(cls, total: RefusalTotal) -> Self:
        """A total."""
        return cls(day=total.day, reason=total.reason, count=total.count, accounts=total.accounts)


class RefusalTotalsAnswer(BaseModel):
    """Refusals by day and reason, oldest first."""

    model_config = ConfigDict(frozen=True)

    data: list[RefusalTotalAnswer]


def _fields(refusal: Refusal, locale: str | None) -> dict[str, object]:
    """Every field of an answer; those that an answer does not have are ignored by it."""
    return {
        "id": refusal.refusal_id,
        "account_id": refusal.account_id,
        "at": refusal.at,
        "last_at": refusal.last_at,
        "count": refusal.count,
        "kind": "cut_short" if refusal.reason is RefusalReason.CUT_SHORT else "refused",
        "reason": refusal.reason,
        "status": refusal.status,
        "message": refusal.message,
        "param": refusal.param,
        "call_type": refusal.call_type,
        "path": refusal.path,
        "model": refusal.model,
        "key_prefix": refusal.key_prefix,
        "locale": refusal.locale,
        "process": refusal.process,
        "waited_ms": refusal.waited_ms,
        "figures": RefusalFigures.of(refusal.figures) if refusal.figures is not None else None,
        "asked": RefusalDemand.of(refusal.asked) if refusal.asked is not None else None,
        "holders": HoldersAnswer.of(refusal.holders) if refusal.holders is not None else None,
        "explanation": explain(refusal, locale or refusal.locale),
    }


def _next(records: Sequence[Refusal], limit: int) -> UUID | None:
    return records[limit - 1].refusal_id if len(records) > limit else None
