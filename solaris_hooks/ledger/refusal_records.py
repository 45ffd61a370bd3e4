"""What is kept of a refused request: the figures of that moment, so that it can be explained afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId

MOST_HOLDERS = 20
"""Requests that a refusal names as holding tokens, the largest first; of all others it says how many there were."""


FOLD_SECONDS = 60
"""Refusals of one account (of a team: one member), reason and model within this time are one row that counts them."""


class RefusalReason(StrEnum):
    """Why a request was not admitted."""

    EXHAUSTED = "exhausted"
    """What was granted is used up."""
    TIGHT = "tight"
    """Something is left, but less than the prompt and the shortest answer need."""
    CONTENDED = "contended"
    """It would fit, but other requests of the account hold the tokens."""
    CROWDED = "too_many_in_flight"
    """As many requests of the account run as may run at once."""
    MODEL = "model_not_allowed"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    PENDING = "pending"
    UNKNOWN_USER = "unknown_user"
    CALL_TYPE = "call_type_not_metered"
    ROUTE = "route_not_metered"
    NO_PRICE = "price_not_set"
    INVALID = "invalid_request"
    """The request cannot be sized, or does not say whose it is."""
    UNAVAILABLE = "ledger_unavailable"
    """The books could not be reached."""
    DEFECT = "defect"
    """Admission failed by a fault of its own; the proxy's log has it."""
    CUT_SHORT = "cut_short"
    """No refusal: a stream that ran ended before its time, since nothing was left for it."""
    OTHER = "other"
    """A newer release of this package knows."""


class Estimate(StrEnum):
    """How the prompt was sized."""

    UPPER_BOUND = "upper_bound"
    """By its bytes: a token is at least one."""
    TOKENIZER = "tokenizer"
    """Counted, and raised by what the model's provider is known to count more."""
    WINDOW = "window"
    """By the model's whole window, since the provider adds a context that the request only names."""


@dataclass(frozen=True, slots=True)
class Figures:
    """An account as the refusing statement saw it. Tokens are booked tokens.

    Attributes:
        held: by requests in flight; see :class:`Holders` for which.
        max_in_flight: requests at once; None for any number.
        renews_at: UTC.
    """

    plan_id: str
    status: Status
    allowance_granted: int
    allowance_used: int
    credits_remaining: int
    credits_used: int
    overdraft: int
    overage: int
    held: int
    max_in_flight: int | None
    renews_at: dt.datetime
    time_zone: str

    @classmethod
    def of(cls, balance: Balance) -> Self:
        """The same of a balance."""
        return cls(
            plan_id=balance.plan_id,
            status=balance.status,
            allowance_granted=balance.allowance_granted,
            allowance_used=balance.allowance_used,
            credits_remaining=balance.credits_remaining,
            credits_used=balance.credits_used,
            overdraft=balance.terms.overdraft,
            overage=balance.overage,
            held=balance.held,
            max_in_flight=balance.terms.max_in_flight,
            renews_at=balance.renews_at,
            time_zone=balance.time_zone,
        )

    @property
    def granted(self) -> int:
        """Tokens granted for the period: the allowance, and credits used in it or still there."""
        return self.allowance_granted + self.credits_used + self.credits_remaining

    @property
    def used(self) -> int:
        """Tokens used in the period, overage included."""
        return self.allowance_used + self.credits_used + self.overage

    @property
    def spendable(self) -> int:
        """Tokens that could be used, held ones included; below 0 where more is owed than the overdraft allows."""
        return self.allowance_granted - self.allowance_used + self.credits_remaining + self.overdraft - self.overage

    @property
    def available(self) -> int:
        """Tokens that a request could hold."""
        return max(0, self.spendable - self.held)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a refused request asked for, and how that was estimated.

    Attributes:
        want: booked tokens that it could use at the most.
        fair: booked tokens that nearly all such requests stay within.
        minimum: booked tokens without which it could do nothing.
        sized_by: the model, of those that may answer, by which it needed most.
        estimate: how the prompt was sized.
        prompt_tokens: what the prompt was taken for, in the provider's tokens.
        prompt_bound: what it can be at the most by its bytes.
        prompt_counted: by our tokenizer; None where it was not counted.
        count_percent: what the provider is known to count, in percent of our count.
        output_tokens: the most that each answer could have.
        usual_output: what nearly all such answers stay within; None where nobody knew.
        choices: answers asked for.
        cap_asked: the limit that the request itself set; None without one.
        model_limit: the most that LiteLLM says the model can write; None where it does not say.
        weight_input: booked tokens for a token of prompt, as decimal text.
        weight_cached_input: likewise, of prompt that the provider had kept.
        weight_output: likewise, of answer.
        price: booked tokens of what is paid by the unit.
    """

    want: int
    fair: int
    minimum: int
    sized_by: str
    estimate: Estimate
    prompt_tokens: int
    prompt_bound: int
    prompt_counted: int | None
    count_percent: int
    output_tokens: int
    usual_output: int | None
    choices: int
    cap_asked: int | None
    model_limit: int | None
    weight_input: str
    weight_cached_input: str
    weight_output: str
    price: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A request in flight that held tokens of the account."""

    hold_id: HoldId
    model: str
    amount: int
    held_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Holders:
    """Which requests held tokens.

    Attributes:
        largest: those that held most, at most ``MOST_HOLDERS``.
        requests: how many there were in all.
        amount: booked tokens of all.
        read_at: when it was read: a moment after the refusal, for nobody waits for it. UTC.
    """

    largest: Sequence[Holder]
    requests: int
    amount: int
    read_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused; or several of the same kind, with the figures of the first.

    Attributes:
        refusal_id: a UUIDv7; each of the clients was told it.
        account_id: None where nobody knew whose request it was.
        at: when the first was refused, UTC.
        last_at: when the last was.
        count: how many there were.
        status: HTTP status of the answer; 200 of a stream that was cut short.
        message: what the client was told.
        call_type: LiteLLM's name of the kind of call, or of the function that would have served it.
        path: of the address, without its query.
        model: asked for; None where none was, or where several were folded into one.
        key_prefix: first characters of the hash of the key; None where the key was not looked up.
        locale: language of the message.
        process: host and process of the proxy.
        param: the parameter at fault.
        waited_ms: how long it waited for other requests of the account to end.
        figures: None where the account's figures were not known.
        asked: None where it was refused before it was sized.
        holders: None where nothing was held, or nobody could tell in time.
        member_id: whose request it was, where the account is a team's.
    """

    refusal_id: UUID
    account_id: AccountId | None
    at: dt.datetime
    last_at: dt.datetime
    reason: RefusalReason
    status: int
    message: str
    call_type: str
    locale: str
    process: str
    count: int = 1
    path: str | None = None
    model: str | None = None
    key_prefix: str | None = None
    param: str | None = None
    waited_ms: int = 0
    figures: Figures | None = None
    asked: Asked | None = None
    holders: Holders | None = None
    member_id: MemberId | None = None
