"""A request's way through the books: held, extended, settled; what is asked for and what is answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from solaris_hooks.ledger.records.accounts import NewAccount
from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.usage import Usage, UsageSource


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """One request that asks for tokens, before its provider is called. All tokens are booked (weighted).

    Attributes:
        want: what the request may use at the most.
        minimum: the least it can do something with: its prompt and one token of output.
        prompt: the prompt's share of ``want``; booked by the sweeper if the request's end is never known.
        lease_seconds: how long the hold lives without a renewal.
        email: the user's address as LiteLLM has it; a changed one is stored, of a member with his share.
        ample: the balance from which on it takes ``want``; None for ``want`` itself.
        fair: the most that it takes of a smaller balance: its share of it, but no more than this; None for ``want``.
        step: what it takes even where that is more than its share; None for ``fair``.
        member_id: who asks, where the account is a team's.
    """

    account_id: AccountId
    hold_id: HoldId
    model: str
    want: int
    minimum: int
    prompt: int
    lease_seconds: int
    email: str | None = None
    new_account: NewAccount = field(default_factory=NewAccount)
    ample: int | None = None
    fair: int | None = None
    step: int | None = None
    member_id: MemberId | None = None

    @property
    def shares(self) -> tuple[int, int, int]:
        """``ample``, ``fair`` and ``step``, whichever way they were given."""
        fair = self.want if self.fair is None else self.fair
        return self.want if self.ample is None else self.ample, fair, fair if self.step is None else self.step


class HoldOutcome(StrEnum):
    """How a request for tokens ended."""

    HELD = "held"
    """Granted, whole or capped: see ``amount``."""
    TIGHT = "tight"
    """Less than ``minimum`` is available, and not because of other holds alone: nothing was held."""
    CONTENDED = "contended"
    """It would fit if holds in flight ended unused: nothing was held; wait and ask again."""
    CROWDED = "crowded"
    """As many requests of the account run as may run at once: nothing was held."""
    INACTIVE = "inactive"
    """The account is suspended, blocked or pending."""
    UNKNOWN = "unknown"
    """There is no such account, and none may be made."""


@dataclass(frozen=True, slots=True)
class HoldResult:
    """Outcome of a hold, with the whole balance after it (None only for an unknown account).

    Attributes:
        amount: booked tokens held; less than ``want`` when the balance is tight.
        created: this request made the account.
    """

    outcome: HoldOutcome
    amount: int
    created: bool
    balance: Balance | None


@dataclass(frozen=True, slots=True)
class Extension:
    """A hold that its running request wants to grow.

    Attributes:
        amount: booked tokens that it wants to hold in all, as far as its share of what is available goes.
        step: what it wants to hold in all even where that is more than its share.
        model: the model asked for; with what follows for a hold that a crash has lost.
    """

    account_id: AccountId
    hold_id: HoldId
    amount: int
    step: int
    model: str
    prompt: int
    lease_seconds: int
    member_id: MemberId | None = None


@dataclass(frozen=True, slots=True)
class ExtendResult:
    """What a hold has grown to.

    Attributes:
        amount: booked tokens held now; 0 where the hold has ended.
        contended: it would get more if other holds in flight ended unused.
    """

    amount: int
    contended: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """The exact use of one held request.

    Attributes:
        charge: booked tokens: the usage times the weights of ``model``, rounded up once.
        model: the model that answered.
        details: further facts kept with the entry (weights, key alias, ...); must be JSON.
        member_id: whose it is, where the account is a team's and the hold that knows it is gone.
    """

    account_id: AccountId
    hold_id: HoldId
    model: str
    charge: int
    usage: Usage
    source: UsageSource
    details: Mapping[str, object] = field(default_factory=dict)
    member_id: MemberId | None = None


class SettleOutcome(StrEnum):
    """How a settlement ended."""

    SETTLED = "settled"
    REPLAYED = "replayed"
    """This hold was settled before, for the same charge: nothing changed."""
    CONFLICT = "conflict"
    """This hold was settled before, for another charge: nothing changed; the first one stands."""
    UNKNOWN = "unknown"
    """There is no such account."""


@dataclass(frozen=True, slots=True)
class SettleResult:
    """Outcome of a settlement.

    Attributes:
        charge: booked tokens that stand in the books for this hold (the first ones, on replay or conflict).
        overage: the part of ``charge`` that was beyond what was available.
        use_percent_before: use before this settlement, whole percent.
        unread_notices: events that wait to be told in the chat, this settlement's included.
    """

    outcome: SettleOutcome
    charge: int
    overage: int
    use_percent_before: int
    balance: Balance | None
    unread_notices: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Tokens held by one request in flight."""

    account_id: AccountId
    hold_id: HoldId
    model: str
    amount: int
    prompt: int
    held_at: dt.datetime
    lease_until: dt.datetime
    member_id: MemberId | None = None
