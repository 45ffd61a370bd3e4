"""One account of the in-memory ledger, moved by the pure rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.memory.account_events import ToldAccount
from solaris_hooks.ledger.memory.facts import seconds_text, set_to
from solaris_hooks.ledger.memory.members import called
from solaris_hooks.ledger.records import (
    AccountChange,
    CreditLot,
    DailyUsage,
    Extension,
    Grant,
    Hold,
    HoldRequest,
    Settlement,
)
from solaris_hooks.quota import rules
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.figures import Lot
from solaris_hooks.quota.ids import HoldId, MemberId


@dataclass(slots=True)
class MemoryAccount(ToldAccount):
    """An account, with what requests and people do to it."""

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

    def count(self, settlement: Settlement, now: dt.datetime, member_id: MemberId | None) -> None:
        """Add a settlement to the totals of its day and model, and to those of its member, and to his calls."""
        day = now.astimezone(ZoneInfo(self.figures.time_zone)).date()
        self._count(self.daily, settlement, day)
        if member_id is not None:
            self._count(self.team.daily.setdefault(member_id, {}), settlement, day)
            self.team.calls.setdefault(member_id, []).append(called(settlement, now))

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
