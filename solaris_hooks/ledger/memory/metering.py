"""Requests in the in-memory ledger: held, extended, settled."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from solaris_hooks.ledger.lengths import LengthCount, LengthKind
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.memory.account_books import Booked
from solaris_hooks.ledger.memory.facts import settlement_facts
from solaris_hooks.ledger.memory.members import TELLS_NOTHING
from solaris_hooks.ledger.memory.store import MemoryStore
from solaris_hooks.ledger.records import (
    ExtendResult,
    Extension,
    Hold,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Settlement,
    SettleOutcome,
    SettleResult,
)
from solaris_hooks.quota import rules
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.errors import LedgerError
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId


class MemoryMetering(MemoryStore):
    """Keeps the contract of :class:`~solaris_hooks.ledger.port.Metering` and of ``LengthBook``."""

    def __init__(self, now: Callable[[], dt.datetime], defaults: NewAccount) -> None:
        """Start with no lengths of answers counted."""
        super().__init__(now, defaults)
        self._lengths: Counter[tuple[str, LengthKind, int]] = Counter()

    async def hold(self, request: HoldRequest) -> HoldResult:
        """Hold tokens for a request."""
        now = self.now()
        account = self.current(request.account_id, now)
        created = account is None
        if account is None:
            if not request.new_account.create:
                return HoldResult(HoldOutcome.UNKNOWN, 0, created=False, balance=None)
            email = request.email if request.member_id is None else None
            account = self._open(request.account_id, self._planned(request.new_account), now, email=email)
        account.seen(request.email, request.member_id, now)
        first = account.holds.get(request.hold_id)
        if first is not None:
            balance = account.balance_for(request.member_id)
            return HoldResult(HoldOutcome.HELD, first.amount, created=False, balance=balance)
        ample, fair, step = request.shares
        admission = rules.admission(
            account.figures,
            status=account.status,
            want=request.want,
            ample=ample,
            fair=fair,
            step=step,
            minimum=request.minimum,
            running=len(account.holds),
            share=account.balance_for(request.member_id).share,
        )
        outcome = HoldOutcome(admission.outcome)
        if not admission.of_share and rules.as_good_as_used(
            account.balance.use_percent, outcome=outcome, want=request.want, minimum=request.minimum
        ):
            account.announce_full(self.thresholds(account), now)
        if outcome is HoldOutcome.HELD:
            account.place(request, admission.amount, now)
        return HoldResult(outcome, admission.amount, created, account.balance_for(request.member_id))

    async def extend(self, extension: Extension) -> ExtendResult:
        """Grow the hold of a request that still runs."""
        now = self.now()
        account = self.current(extension.account_id, now)
        if account is None or extension.hold_id in account.settled:
            return ExtendResult(0, contended=False)
        hold = account.holds.get(extension.hold_id)
        held = hold.amount if hold is not None else 0
        active = account.status is Status.ACTIVE  # whoever was suspended meanwhile ends with what is held
        wanted = extension.amount if active else held
        share = account.balance_for(extension.member_id if hold is None else hold.member_id).share
        amount = rules.grown(account.figures, held=held, amount=wanted, step=extension.step, share=share)
        account.grow(extension, amount, now)
        others = account.figures.held - amount > 0 and (share is None or share.allows(amount))
        return ExtendResult(amount, contended=active and amount < extension.amount and others)

    async def settle(self, settlement: Settlement) -> SettleResult:
        """Turn a hold into use, once."""
        known = self._accounts.get(settlement.account_id)
        if known and settlement.charge < 0 and settlement.hold_id not in known.settled:
            raise LedgerError("A charge cannot be below 0.")
        now = self.now()
        account = self.current(settlement.account_id, now)
        if account is None:
            return SettleResult(SettleOutcome.UNKNOWN, 0, 0, 0, None)
        percent = account.balance.use_percent
        hold = account.drop(settlement.hold_id)
        held = 0 if hold is None else hold.amount
        whose = (hold and hold.member_id) or account.team.whose.get(settlement.hold_id) or settlement.member_id
        first = account.settled.get(settlement.hold_id)
        if first is not None:
            account.figures = replace(account.figures, held=account.figures.held - held)
            same = first.charge == settlement.charge
            outcome = SettleOutcome.REPLAYED if same else SettleOutcome.CONFLICT
            balance = self._told(account, whose, settlement.member_id)
            return SettleResult(outcome, first.charge, first.overage, percent, balance, self._unread(account))
        booking = rules.booked(
            account.figures,
            hold_id=settlement.hold_id,
            charge=settlement.charge,
            held=held,
            details=settlement_facts(settlement, whose),
            member_id=whose,
        )
        account.take(booking.step, at=now, actor="proxy")
        account.settled[settlement.hold_id] = Booked(settlement.charge, booking.overage)
        account.announce(self.thresholds(account), now)
        account.count(settlement, now, whose)
        account.team.whose[settlement.hold_id] = whose
        account.team.move(whose, account.period_start, used=settlement.charge)
        return SettleResult(
            SettleOutcome.SETTLED,
            settlement.charge,
            booking.overage,
            percent,
            self._told(account, whose, settlement.member_id),
            self._unread(account),
        )

    async def release(self, account_id: AccountId, hold_id: HoldId) -> bool:
        """Turn a hold into nothing."""
        account = self.current(account_id, self.now())
        hold = account.drop(hold_id) if account else None
        if account is None or hold is None:
            return False
        account.figures = replace(account.figures, held=account.figures.held - hold.amount)
        account.team.whose.setdefault(hold_id, hold.member_id)
        return True

    async def renew_leases(self, holds: Sequence[tuple[AccountId, HoldId]], *, lease_seconds: int) -> int:
        """Let holds of requests that still run live on."""
        until = self.now() + dt.timedelta(seconds=lease_seconds)
        renewed = 0
        for account_id, hold_id in set(holds):
            account = self._accounts.get(account_id)
            if account and hold_id in account.holds:
                account.holds[hold_id] = replace(account.holds[hold_id], lease_until=until)
                renewed += 1
        return renewed

    async def claim_expired(self, *, limit: int, claim_seconds: int) -> Sequence[Hold]:
        """Take holds whose lease ran out."""
        now = self.now()
        until = now + dt.timedelta(seconds=claim_seconds)
        expired = [hold for hold in self._all_holds() if hold.lease_until < now]
        expired.sort(key=lambda hold: (hold.lease_until, hold.hold_id))
        claimed = [replace(hold, lease_until=until) for hold in expired[:limit]]
        for hold in claimed:
            self._accounts[hold.account_id].holds[hold.hold_id] = hold
        return claimed

    async def exchange_lengths(self, fresh: Sequence[LengthCount]) -> Sequence[LengthCount]:
        """Add counts of answers' lengths, and get all. This ledger forgets none."""
        for each in fresh:
            self._lengths[each.model, each.kind, each.bucket] += each.count
        return [LengthCount(*key, count) for key, count in self._lengths.items()]

    def _unread(self, account: MemoryAccount) -> int:
        """How many events wait to be told in the chat; none where it tells none."""
        return len(account.untold) if self.notices(account) else 0

    def _told(self, account: MemoryAccount, whose: MemberId | None, asks: MemberId | None) -> Balance:
        """The balance after a settlement, with the share of the member who asks."""
        balance = account.balance_for(whose)
        if balance.share is None or asks is None:
            return replace(balance, share=None)
        told = balance.share.told_percent if self.notices(account) else TELLS_NOTHING
        return replace(balance, share=replace(balance.share, told_percent=told))
