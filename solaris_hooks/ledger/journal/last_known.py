"""What this process last knew of accounts, and what it let pass since: the rules go on while the books are away."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.records import (
    ExtendResult,
    Extension,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Settlement,
)
from solaris_hooks.quota import rules
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.figures import Figures, Lot
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.period import Period, period_containing
from solaris_hooks.quota.share import Share

REMEMBERED = 20_000
"""Accounts, and members of teams, that a process remembers, the last used ones; each takes about half a kilobyte."""

AS_FIRST_INSTALLED = 1_000_000
"""Monthly tokens of the plan that the schema begins with."""


Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Passed:
    """What a request holds that the books do not know of."""

    amount: int
    member_id: MemberId | None


class LastKnown:
    """Balances as this process last heard of them, less what it let pass itself."""

    def __init__(self, new: NewAccount) -> None:
        """Know nobody yet."""
        self._new = new
        self._balances: OrderedDict[AccountId, Balance] = OrderedDict()
        self._shares: OrderedDict[tuple[AccountId, MemberId], tuple[Period, Share]] = OrderedDict()
        self._passed: dict[HoldId, _Passed] = {}
        self.plan_tokens = AS_FIRST_INSTALLED
        """Monthly tokens of the plan that new accounts get, when somebody last asked for it."""

    def learn(self, balance: Balance | None) -> None:
        """The books said this."""
        if balance is None:
            return
        if balance.share is not None:
            key = (balance.account_id, balance.share.member_id)
            _remember(self._shares, key, (balance.period, balance.share))
        _remember(self._balances, balance.account_id, replace(balance, share=None))

    def admit(self, request: HoldRequest, now: dt.datetime) -> HoldResult:
        """Decide as the books would, by what is known.

        Raises:
            LedgerUnavailableError: nobody here knows the account, and accounts may not be made.
        """
        known = self._balances.get(request.account_id)
        if known is None and not request.new_account.create:
            raise LedgerUnavailableError
        balance = _renewed(known, now) if known is not None else self._newcomer(request, now)
        share = self._share(balance, request.member_id)
        ample, fair, step = request.shares
        admitted = rules.admission(
            _figures(balance),
            status=balance.status,
            want=request.want,
            ample=ample,
            fair=fair,
            step=step,
            minimum=request.minimum,
            share=share,
        )
        outcome = HoldOutcome(admitted.outcome)
        if outcome is HoldOutcome.HELD:
            balance = replace(balance, held=balance.held + admitted.amount)
            share = share and replace(share, held=share.held + admitted.amount)
            self._passed[request.hold_id] = _Passed(admitted.amount, request.member_id)
        balance = replace(balance, share=share)
        self.learn(balance)
        return HoldResult(outcome, admitted.amount, created=known is None, balance=balance)

    def extend(self, extension: Extension) -> ExtendResult:
        """Let a running request have more, of what is known to be there."""
        balance = self._balances.get(extension.account_id)
        if balance is None:
            return ExtendResult(0, contended=False)
        share = self._share(balance, extension.member_id)
        passed = self._passed.get(extension.hold_id)
        before = amount = 0 if passed is None else passed.amount
        if balance.status is Status.ACTIVE:
            amount = rules.grown(
                _figures(balance), held=before, amount=extension.amount, step=extension.step, share=share
            )
        self._passed[extension.hold_id] = _Passed(amount, extension.member_id)
        more = amount - before
        share = share and replace(share, held=share.held + more)
        balance = replace(balance, held=balance.held + more, share=share)
        self.learn(balance)
        others = balance.held > amount and (share is None or share.allows(amount))
        return ExtendResult(amount, contended=amount < extension.amount and others)

    def used(self, settlement: Settlement) -> tuple[Balance | None, int, int]:
        """A use that the books do not know yet: the balance after it, its overage, and the percentage before."""
        balance = self.unused(settlement.account_id, settlement.hold_id, settlement.member_id)
        if balance is None:
            return None, 0, 0
        percent = balance.use_percent
        from_allowance = min(settlement.charge, balance.allowance_granted - balance.allowance_used)
        from_credits = min(settlement.charge - from_allowance, balance.credits_remaining)
        overage = settlement.charge - from_allowance - from_credits
        share = balance.share
        balance = replace(
            balance,
            share=share and replace(share, used=share.used + settlement.charge),
            allowance_used=balance.allowance_used + from_allowance,
            credits_remaining=balance.credits_remaining - from_credits,
            credits_used=balance.credits_used + from_credits,
            overage=balance.overage + overage,
        )
        self.learn(balance)
        return balance, overage, percent

    def unused(self, account_id: AccountId, hold_id: HoldId, member_id: MemberId | None = None) -> Balance | None:
        """What a request held here is free again.

        Args:
            account_id: whose it was.
            hold_id: of the request.
            member_id: whose it was within a team, if it held nothing here.
        """
        passed = self._passed.pop(hold_id, None) or _Passed(0, member_id)
        amount = passed.amount
        balance = self._balances.get(account_id)
        if balance is None:
            return None
        share = self._share(balance, passed.member_id)
        freed = replace(
            balance,
            held=max(0, balance.held - amount),
            share=share and replace(share, held=max(0, share.held - amount)),
        )
        self.learn(freed)
        return freed

    def _share(self, balance: Balance, member_id: MemberId | None) -> Share | None:
        """What is known of a member's share. Of one whom this process has not seen no limit is known."""
        if member_id is None:
            return None
        period, share = self._shares.get((balance.account_id, member_id), (balance.period, Share(member_id)))
        return share if period == balance.period else replace(share, used=0, told_percent=0)

    def _newcomer(self, request: HoldRequest, now: dt.datetime) -> Balance:
        new = self._new
        return Balance(
            account_id=request.account_id,
            status=new.status,
            status_reason=None,
            plan_id=new.plan_id,
            locale=new.locale,
            time_zone=new.time_zone,
            period=period_containing(now, time_zone=new.time_zone, anchor_day=new.anchor_day),
            allowance_granted=self.plan_tokens,
            allowance_used=0,
            credits_remaining=0,
            credits_used=0,
            held=0,
            overage=0,
        )


def _remember(known: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def _figures(balance: Balance) -> Figures:
    """A balance as the rules take it; they decide about it without its anchor day, and whichever lots it is made of."""
    credits_left = Lot(UUID(int=0), balance.credits_remaining, balance.period.start, None)
    return Figures(
        plan_id=balance.plan_id,
        time_zone=balance.time_zone,
        anchor_day=1,
        period=balance.period,
        allowance_granted=balance.allowance_granted,
        allowance_used=balance.allowance_used,
        credits_used=balance.credits_used,
        held=balance.held,
        overage=balance.overage,
        lots=(credits_left,),
        terms=balance.terms,
    )


def _renewed(balance: Balance, now: dt.datetime) -> Balance:
    """The balance in the period of now, as far as anybody can tell without the books."""
    if now < balance.period.end:
        return balance
    # The anchor day itself is not part of a balance; a period ends on it, or on the last day of a shorter month.
    anchor_day = balance.period.end.astimezone(ZoneInfo(balance.time_zone)).day
    repaid = min(balance.overage, balance.allowance_granted)
    return replace(
        balance,
        period=period_containing(now, time_zone=balance.time_zone, anchor_day=anchor_day),
        allowance_used=repaid,
        credits_used=0,
        overage=balance.overage - repaid,
    )
