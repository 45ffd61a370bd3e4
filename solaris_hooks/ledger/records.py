"""What goes into the ledger and what comes out: plain frozen records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final
from uuid import UUID

from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.plan import Plan as Plan  # noqa: PLC0414 - a record like the others
from solaris_hooks.quota.terms import NO_STANDING, Standing
from solaris_hooks.quota.usage import Usage, UsageSource


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account gets when it is first seen.

    Attributes:
        time_zone: unless the plan has its own.
        anchor_day: unless the plan has its own.
        create: False refuses accounts that were never seen.
        status: pending where an administrator must approve each account.
    """

    plan_id: str = "default"
    locale: str = "pt_BR"
    time_zone: str = "America/Sao_Paulo"
    anchor_day: int = 1
    create: bool = True
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class EndUser:
    """A person whom a trusted service names by an id that never changes.

    Attributes:
        account_id: the account which that id names.
        by_email: the account which his e-mail address would name; None where none was told.
    """

    account_id: AccountId
    by_email: AccountId | None = None


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


@dataclass(frozen=True, slots=True)
class CreditLot:
    """Credits granted at one time: used after the allowance, the earliest to expire first."""

    lot_id: UUID
    tokens: int
    remaining: int
    origin: str
    reason: str
    actor: str
    created_at: dt.datetime
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its profile and its balance.

    Attributes:
        notices: whether the chat tells its user anything.
        standing: what is its own in place of its plan's, and what will change by itself.
        member_limit: of a team's account: what each member may use in a period who has no limit of his own; None
            for all.
    """

    balance: Balance
    anchor_day: int
    email: str | None
    name: str | None
    lots: Sequence[CreditLot]
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    notices: bool = True
    standing: Standing = NO_STANDING
    member_limit: int | None = None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Accounts in order of their ids; ``next_after`` is the last id where more follow."""

    accounts: Sequence[Account]
    next_after: AccountId | None


class Nothing(Enum):
    """What a field is set to that becomes empty, where None leaves it as it is."""

    NOTHING = "nothing"


NOTHING: Final = Nothing.NOTHING


@dataclass(frozen=True, slots=True)
class AccountChange:
    """Fields of an account to set; None leaves one as it is, and ``NOTHING`` empties those that can be empty."""

    plan_id: str | None = None
    status: Status | None = None
    status_reason: str | Nothing | None = None
    email: str | Nothing | None = None
    name: str | Nothing | None = None
    locale: str | None = None
    time_zone: str | None = None
    anchor_day: int | None = None


class CreditOrigin(StrEnum):
    """Where credits come from."""

    GRANT = "grant"
    """An administrator gave them."""
    PURCHASE = "purchase"
    """They were paid for."""
    BONUS = "bonus"
    COMPENSATION = "compensation"
    """For an outage."""
    REQUEST = "request"
    """The user asked for them, and an administrator approved."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits to grant.

    Attributes:
        idempotency_key: the same key grants once; a replay returns the first result.
        expires_at: UTC, or None for credits that do not expire.
    """

    account_id: AccountId
    tokens: int
    reason: str
    actor: str
    idempotency_key: str
    origin: CreditOrigin = CreditOrigin.GRANT
    expires_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantResult:
    """Outcome of a grant.

    Attributes:
        account: as it is now.
        replayed: the idempotency key granted these credits before; nothing was granted again.
    """

    account: Account
    replayed: bool


class EntryKind(StrEnum):
    """What an entry of the ledger says."""

    OPENING = "opening"
    RENEWAL = "renewal"
    LAPSE = "lapse"
    """Unused allowance of the past period, which does not carry over."""
    USAGE = "usage"
    OVERAGE = "overage"
    """Use beyond what was available: owed."""
    CREDIT = "credit"
    CREDIT_EXPIRY = "credit_expiry"
    CREDIT_REVOCATION = "credit_revocation"
    """Unused credits that an administrator took back."""
    PLAN_CHANGE = "plan_change"
    RESET = "reset"
    """Use of this period that an administrator set back to zero."""
    MERGE = "merge"
    """What moved to or from another account when the two were merged."""


ERASED = "[erased]"
"""What stands where a text about a person was erased."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account's ledger: append-only, numbered, chained.

    Attributes:
        tokens: what the entry adds to (takes from) allowance left + credits - overage.
        reason: in the words of whoever gave it; ``ERASED`` where they were erased.
        details: the JSON text as stored; it is part of the digest.
        previous_hash: digest of the entry before, 32 bytes.
        hash: SHA-256 over ``previous_hash`` and every other field.
        sealed_reason: what the chain has in place of the words; None where it has the words.
    """

    account_id: AccountId
    number: int
    kind: EntryKind
    tokens: int
    allowance_after: int
    credits_after: int
    overage_after: int
    at: dt.datetime
    actor: str
    reason: str | None
    idempotency_key: str
    details: str
    previous_hash: bytes
    hash: bytes
    sealed_reason: str | None = None

    @property
    def chained_reason(self) -> str | None:
        """What the chain covers of the reason: ``sha256:`` and a salted digest, where there is one, else its words."""
        return self.reason if self.sealed_reason is None else self.sealed_reason


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """Totals of one account, one local day and one model."""

    day: dt.date
    model: str
    requests: int
    estimated_requests: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    charge: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in the books that cannot be true.

    Attributes:
        entry: number of the entry at fault; None where the flaw is the account's own figures.
    """

    account_id: AccountId
    entry: int | None
    message: str


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """What the comparison with one signed checkpoint found; its flaws are among those of the verification.

    Attributes:
        number: the checkpoint's.
        taken_at: when it was taken.
        accounts: how many of its accounts were compared.
        differing: how many of these are not as they were.
        known: whether the books list it. Books that were restored from an older backup do not.
    """

    number: int
    taken_at: dt.datetime
    accounts: int
    differing: int
    known: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of recomputing the books.

    Attributes:
        accounts: how many were recomputed.
        entries: how many were recomputed.
        flaws: what cannot be true.
        more_flaws: how many were found beyond those in ``flaws``.
        checkpoints: what was compared beside.
    """

    accounts: int
    entries: int
    flaws: Sequence[Flaw]
    more_flaws: int = 0
    checkpoints: Sequence[CheckpointResult] = ()

    @property
    def ok(self) -> bool:
        """Whether no flaw was found."""
        return not self.flaws
