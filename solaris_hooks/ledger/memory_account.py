"""One account of the in-memory ledger: figures, holds, lots and entries, moved by the pure rules."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.chain import GENESIS, entry_digest
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.memory_members import MemoryTeam
from solaris_hooks.ledger.records import (
    NOTHING,
    Account,
    AccountChange,
    CreditLot,
    CreditOrigin,
    DailyUsage,
    Entry,
    EntryKind,
    Extension,
    Grant,
    Hold,
    HoldRequest,
    Nothing,
    Settlement,
)
from solaris_hooks.ledger.verification import AccountVerifier, StoredFigures
from solaris_hooks.quota import rules
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.figures import Figures, Lot, Step
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.thresholds import AlertState

_NUMBERS = count(1)


@dataclass(slots=True)
class Booked:
    """What stands in the books for a settled hold."""

    charge: int
    overage: int


@dataclass(slots=True)
class MemoryAccount:
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

    def emit(self, kind: EventKind, key: str, now: dt.datetime, *, in_chat: bool = False, **details: object) -> None:
        """Let an event happen, once for each key."""
        if key in self.events:
            return
        self.events[key] = Event(
            number=next(_NUMBERS),
            event_id=uuid7(),
            kind=kind,
            account_id=self.account_id,
            at=now,
            details={**event_figures(self.balance), **details},
        )
        if in_chat:
            self.untold.append(key)

    def announce(self, thresholds: Sequence[int], now: dt.datetime) -> None:
        """Announce the thresholds that use has crossed: one event, for the highest."""
        self._announce(self.alerts.crossed(thresholds, self.balance.use_percent), now)

    def _announce(self, crossed: Sequence[int], now: dt.datetime) -> None:
        if not crossed:
            return
        highest = crossed[-1]
        self.alerts = replace(self.alerts, level=highest)
        self.emit(
            EventKind.QUOTA_EXHAUSTED if highest == 100 else EventKind.THRESHOLD_CROSSED,  # noqa: PLR2004 - percent
            f"threshold:{int(self.figures.period.start.timestamp())}:{self.alerts.round}:{highest}",
            now,
            in_chat=True,
            threshold=highest,
            crossed=list(crossed),
        )

    def announce_full(self, thresholds: Sequence[int], now: dt.datetime) -> None:
        """Announce that everything is used, though a few tokens are left that no request can use."""
        if rules.FULL in thresholds:
            self._announce(self.alerts.crossed(thresholds, rules.FULL), now)

    def trial_ended(self, now: dt.datetime) -> None:
        """Suspend the account, since its trial has ended; unless it is out of use already."""
        if self.status is not Status.ACTIVE:
            return
        self.status = Status.SUSPENDED
        self.status_reason = "The trial has ended." if self.locale == "en" else "O período de teste terminou."
        self.emit(
            EventKind.ACCOUNT_SUSPENDED,
            f"trial:{int(now.timestamp())}",
            now,
            status=self.status.value,
            reason=self.status_reason,
        )

    def renewed(self, used_before: int, now: dt.datetime) -> None:
        """A new period began: everything can be announced again, and old news is told no longer."""
        self.alerts = AlertState()
        old = {EventKind.THRESHOLD_CROSSED, EventKind.QUOTA_EXHAUSTED, EventKind.PERIOD_RENEWED}
        self.untold = [key for key in self.untold if self.events[key].kind not in old]
        self.emit(
            EventKind.PERIOD_RENEWED,
            f"renewal:{int(self.figures.period.start.timestamp())}",
            now,
            in_chat=True,
            used_before=used_before,
            overage_repaid=self.figures.allowance_used,
        )

    def seen(self, email: str | None, member_id: MemberId | None, now: dt.datetime) -> None:
        """Somebody asked: keep when, and his address; of a team's member with him."""
        self.last_used_at = now
        if member_id is not None:
            member = self.team.member(member_id, self.period_start)
            member.email = member.email if email is None else email
        else:
            self.email = self.email if email is None else email

    def place(self, request: HoldRequest, amount: int, now: dt.datetime) -> None:
        """Hold an amount for a request; its prompt is never more than what is held."""
        self.holds[request.hold_id] = Hold(
            account_id=request.account_id,
            hold_id=request.hold_id,
            model=request.model,
            amount=amount,
            prompt=min(request.prompt, amount),
            held_at=now,
            lease_until=now + dt.timedelta(seconds=request.lease_seconds),
            member_id=request.member_id,
        )
        self._move_held(request.member_id, amount)

    def grow(self, extension: Extension, amount: int, now: dt.datetime) -> None:
        """Let a hold be of another amount; one that was lost begins anew."""
        hold = self.holds.get(extension.hold_id)
        before = hold.amount if hold is not None else 0
        lease_until = now + dt.timedelta(seconds=extension.lease_seconds)
        if hold is not None and amount:  # who asks for more still runs
            lease_until = max(hold.lease_until, lease_until)
            self.holds[hold.hold_id] = replace(hold, amount=amount, lease_until=lease_until)
        elif hold is None and amount:
            self.holds[extension.hold_id] = Hold(
                account_id=extension.account_id,
                hold_id=extension.hold_id,
                model=extension.model,
                amount=amount,
                prompt=min(extension.prompt, amount),
                held_at=now,
                lease_until=lease_until,
                member_id=extension.member_id,
            )
        self._move_held(extension.member_id if hold is None else hold.member_id, amount - before)

    def drop(self, hold_id: HoldId) -> Hold | None:
        """Take a hold away, with what it holds of its member's share. Returns it, or None if there was none."""
        hold = self.holds.pop(hold_id, None)
        if hold is not None:
            self.team.move(hold.member_id, self.period_start, held=-hold.amount)
        return hold

    def _move_held(self, member_id: MemberId | None, tokens: int) -> None:
        self.figures = replace(self.figures, held=self.figures.held + tokens)
        self.team.move(member_id, self.period_start, held=tokens)

    def balance_for(self, member_id: MemberId | None) -> Balance:
        """The figures with the share of the member who asks; he is made if he is missing."""
        if member_id is None:
            return self.balance
        return replace(self.balance, share=self.team.member(member_id, self.period_start).share)

    @property
    def period_start(self) -> dt.datetime:
        """When the period began that the account is in."""
        return self.figures.period.start

    def count(self, settlement: Settlement, day: dt.date, member_id: MemberId | None) -> None:
        """Add a settlement to the totals of its day and model, and to those of its member."""
        self._count(self.daily, settlement, day)
        if member_id is not None:
            self._count(self.team.daily.setdefault(member_id, {}), settlement, day)

    @staticmethod
    def _count(daily: dict[tuple[dt.date, str], DailyUsage], settlement: Settlement, day: dt.date) -> None:
        key = (day, settlement.model)
        before = daily.get(key) or DailyUsage(day, settlement.model, 0, 0, 0, 0, 0, 0)
        usage = settlement.usage
        daily[key] = replace(
            before,
            requests=before.requests + 1,
            estimated_requests=before.estimated_requests + settlement.source.estimated,
            input_tokens=before.input_tokens + usage.input_tokens,
            cached_input_tokens=before.cached_input_tokens + usage.cached_input_tokens,
            output_tokens=before.output_tokens + usage.output_tokens,
            charge=before.charge + settlement.charge,
        )

    def credit(self, grant: Grant, now: dt.datetime, thresholds: Sequence[int], *, in_chat: bool = True) -> UUID:
        """Add a lot of credits. Returns its id."""
        lot = CreditLot(
            lot_id=uuid7(),
            tokens=grant.tokens,
            remaining=grant.tokens,
            origin=grant.origin.value,
            reason=grant.reason,
            actor=grant.actor,
            created_at=now,
            expires_at=grant.expires_at,
        )
        step = rules.credited(
            self.figures,
            Lot(lot.lot_id, lot.tokens, lot.created_at, lot.expires_at),
            key=grant.idempotency_key,
            origin=grant.origin.value,
        )
        self.take(step, at=now, actor=grant.actor, reason=grant.reason)
        self.lots.append(lot)
        self.grants[grant.idempotency_key] = grant
        self.alerts = self.alerts.rearmed(thresholds, self.balance.use_percent)
        self.emit(
            EventKind.CREDIT_GRANTED,
            f"credit:{lot.lot_id}",
            now,
            in_chat=in_chat,
            tokens=grant.tokens,
            lot_id=str(lot.lot_id),
            origin=grant.origin.value,
            reason=grant.reason,
            expires_at=grant.expires_at and seconds_text(grant.expires_at),
        )
        return lot.lot_id

    def change(self, change: AccountChange) -> None:
        """Set what a change says about the person; an active account has no reason for its status."""
        self.status = change.status or self.status
        self.status_reason = None if self.status is Status.ACTIVE else set_to(self.status_reason, change.status_reason)
        self.email = set_to(self.email, change.email)
        self.name = set_to(self.name, change.name)
        self.locale = self.locale if change.locale is None else change.locale

    def tell_status(self, before: Status, number: int, now: dt.datetime) -> None:
        """Let an event happen where an account was taken out of use, or into use again.

        Args:
            before: its status before the change.
            number: of the change in the audit trail.
            now: when it happened.
        """
        if self.status in {before, Status.PENDING}:
            return
        active = self.status is Status.ACTIVE
        self.emit(
            EventKind.ACCOUNT_REACTIVATED if active else EventKind.ACCOUNT_SUSPENDED,
            f"status:{number}",
            now,
            status=self.status.value,
            reason=self.status_reason,
        )

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


def event_figures(balance: Balance) -> Mapping[str, object]:
    """What an event says of its account."""
    return {
        "plan": balance.plan_id,
        "granted": balance.limit,
        "used": balance.used,
        "remaining": balance.remaining,
        "credits": balance.credits_remaining,
        "overage": balance.overage,
        "percent": balance.use_percent,
        "period_start": seconds_text(balance.period.start),
        "period_end": seconds_text(balance.period.end),
    }


def checked_status(account: MemoryAccount | None, change: AccountChange, reason: str | None) -> None:
    """Return if an account may get the status that a change gives it.

    Raises:
        InvalidRequestError: it is taken out of use, and nobody says why.
    """
    before = account.status if account is not None else Status.ACTIVE
    if change.status in {None, before, Status.ACTIVE}:
        return
    said = set_to(account.status_reason if account is not None else None, change.status_reason)
    if not any((text or "").strip(" ") for text in (said, reason)):
        raise InvalidRequestError(f"Say why the account becomes {change.status}: give a reason.")


def set_to(text: str | None, change: str | Nothing | None) -> str | None:
    """A text after a change."""
    if change is NOTHING:
        return None
    return text if change is None else change


def seconds_text(instant: dt.datetime) -> str:
    """A time in UTC, to the second."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def settlement_facts(settlement: Settlement, member_id: MemberId | None) -> Mapping[str, object]:
    """What the entry of a settlement keeps beside its tokens: also whose it is, where it is a member's."""
    usage = settlement.usage
    return {
        "hold_id": str(settlement.hold_id),
        "model": settlement.model,
        "source": settlement.source.value,
        "input_tokens": usage.input_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "more": dict(settlement.details),
        **({} if member_id is None else {"member": member_id}),
    }


def asked(grant: Grant) -> tuple[int, CreditOrigin, dt.datetime | None]:
    """What must be the same for a repeated grant to be the same grant."""
    return (grant.tokens, grant.origin, grant.expires_at)
