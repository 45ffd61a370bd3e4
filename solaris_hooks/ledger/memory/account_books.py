"""What one account of the in-memory ledger has: figures, holds, lots, and its chained entries."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from solaris_hooks.ledger.chain import GENESIS, entry_digest
from solaris_hooks.ledger.event import Event
from solaris_hooks.ledger.memory.facts import seconds_text
from solaris_hooks.ledger.memory.members import MemoryTeam
from solaris_hooks.ledger.records import Account, CreditLot, DailyUsage, Entry, EntryKind, Grant, Hold
from solaris_hooks.ledger.verification import AccountVerifier, StoredFigures
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.figures import Figures, Step
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.thresholds import AlertState


@dataclass(slots=True)
class Booked:
    """What stands in the books for a settled hold."""

    charge: int
    overage: int


@dataclass(slots=True)
class BookedAccount:
    """An account and everything that belongs to it."""

    account_id: AccountId
    figures: Figures
    created_at: dt.datetime
    locale: str
    status: Status = Status.ACTIVE
    status_reason: str | None = None
    email: str | None = None
    name: str | None = None
    last_used_at: dt.datetime | None = None
    holds: dict[HoldId, Hold] = field(default_factory=dict)
    lots: list[CreditLot] = field(default_factory=list)
    grants: dict[str, Grant] = field(default_factory=dict)
    revocations: dict[str, tuple[UUID, int]] = field(default_factory=dict)
    settled: dict[HoldId, Booked] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    last_hash: bytes = GENESIS
    daily: dict[tuple[dt.date, str], DailyUsage] = field(default_factory=dict)
    alerts: AlertState = field(default_factory=AlertState)
    events: dict[str, Event] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    team: MemoryTeam = field(default_factory=MemoryTeam)
    chat_notices: bool = True

    def take(self, step: Step, *, at: dt.datetime, actor: str = "system", reason: str | None = None) -> None:
        """Take over a rule's figures and write its postings."""
        for posting in step.postings:
            draft = Entry(
                account_id=self.account_id,
                number=len(self.entries) + 1,
                kind=EntryKind(posting.kind),
                tokens=posting.tokens,
                allowance_after=posting.allowance_after,
                credits_after=posting.credits_after,
                overage_after=posting.overage_after,
                at=at,
                actor=actor,
                reason=reason,
                idempotency_key=posting.key,
                details=json.dumps(posting.details, ensure_ascii=False),
                previous_hash=self.last_hash,
                hash=b"",
            )
            self.last_hash = entry_digest(draft.previous_hash, draft)
            self.entries.append(replace(draft, hash=self.last_hash))
        self.figures = step.figures

    def balance_for(self, member_id: MemberId | None) -> Balance:
        """The figures with the share of the member who asks; he is made if he is missing."""
        if member_id is None:
            return self.balance
        return replace(self.balance, share=self.team.member(member_id, self.period_start).share)

    @property
    def period_start(self) -> dt.datetime:
        """When the period began that the account is in."""
        return self.figures.period.start

    @property
    def profile(self) -> Mapping[str, object]:
        """What people can change, and what follows from it, as the audit trail has it."""
        return {
            "plan": self.figures.plan_id,
            "status": self.status.value,
            "status_reason": self.status_reason,
            "email": self.email,
            "name": self.name,
            "locale": self.locale,
            "time_zone": self.figures.time_zone,
            "anchor_day": self.figures.anchor_day,
            "period_end": seconds_text(self.figures.period.end),
        }

    @property
    def balance(self) -> Balance:
        """The figures as the rest of the package reads them."""
        figures = self.figures
        return Balance(
            account_id=self.account_id,
            status=self.status,
            status_reason=self.status_reason,
            plan_id=figures.plan_id,
            locale=self.locale,
            time_zone=figures.time_zone,
            period=figures.period,
            allowance_granted=figures.allowance_granted,
            allowance_used=figures.allowance_used,
            credits_remaining=figures.credits_remaining,
            credits_used=figures.credits_used,
            held=figures.held,
            overage=figures.overage,
            terms=figures.terms,
        )

    @property
    def account(self) -> Account:
        """The whole account; its lots are those with something left, in the order of their use."""
        granted = {lot.lot_id: lot for lot in self.lots}
        left = sorted((lot for lot in self.figures.lots if lot.remaining), key=lambda lot: lot.turn)
        return Account(
            balance=self.balance,
            anchor_day=self.figures.anchor_day,
            email=self.email,
            name=self.name,
            lots=tuple(replace(granted[lot.lot_id], remaining=lot.remaining) for lot in left),
            created_at=self.created_at,
            last_used_at=self.last_used_at,
            standing=self.figures.standing,
            member_limit=self.team.limit,
        )

    def check(self, verifier: AccountVerifier) -> None:
        """Give everything that this account's books say to a verifier."""
        for entry in self.entries:
            verifier.entry(entry)
        figures = self.figures
        verifier.account(
            StoredFigures(
                account_id=self.account_id,
                entries=figures.entries,
                chain=self.last_hash,
                allowance_left=figures.allowance_left,
                credits_remaining=figures.credits_remaining,
                overage=figures.overage,
                held=figures.held,
                holds_sum=sum(hold.amount for hold in self.holds.values()),
                lots_sum=figures.credits_remaining,
            ),
            self.team.stored(self.account_id, self.period_start, list(self.holds.values())),
        )
