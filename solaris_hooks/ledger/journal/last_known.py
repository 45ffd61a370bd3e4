"""What this process last knew of accounts, and what it let pass since: the rules go on while the books are away."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from dataclasses import replace
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
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.period import period_containing

REMEMBERED = 20_000
"""Accounts that a process remembers, the last used ones; each takes about half a kilobyte."""

AS_FIRST_INSTALLED = 1_000_000
"""Monthly tokens of the plan that the schema begins with."""


class LastKnown:
    """Balances as this process last heard of them, less what it let pass itself."""

    def __init__(self, new: NewAccount) -> None:
        """Know nobody yet."""
        self._new = new
        self._balances: OrderedDict[AccountId, Balance] = OrderedDict()
        self._passed: dict[HoldId, int] = {}
        self.plan_tokens = AS_FIRST_INSTALLED
        """Monthly tokens of the plan that new accounts get, when somebody last asked for it."""

    def learn(self, balance: Balance | None) -> None:
        """The books said this."""
        if balance is not None:
            self._balances[balance.account_id] = balance
            self._balances.move_to_end(balance.account_id)
            if len(self._balances) > REMEMBERED:
                self._balances.popitem(last=False)

    def admit(self, request: HoldRequest, now: dt.datetime) -> HoldResult:
        """Decide as the books would, by what is known.

        Raises:
            LedgerUnavailableError: nobody here knows the account, and accounts may not be made.
        """
        known = self._balances.get(request.account_id)
        if known is None and not request.new_account.create:
            raise LedgerUnavailableError
        balance = _renewed(known, now) if known is not None else self._newcomer(request, now)
        ample, fair, step = request.shares
        admitted = rules.admission(
            _figures(balance),
            status=balance.status,
            want=request.want,
            ample=ample,
            fair=fair,
            step=step,
            minimum=request.minimum,
        )
        outcome = HoldOutcome(admitted.outcome)
        if outcome is HoldOutcome.HELD:
            balance = replace(balance, held=balance.held + admitted.amount)
            self._passed[request.hold_id] = admitted.amount
        self.learn(balance)
        return HoldResult(outcome, admitted.amount, created=known is None, balance=balance)

    def extend(self, extension: Extension) -> ExtendResult:
        """Let a running request have more, of what is known to be there."""
        balance = self._balances.get(extension.account_id)
        if balance is None:
            return ExtendResult(0, contended=False)
        before = self._passed.get(extension.hold_id, 0)
        amount = before
        if balance.status is Status.ACTIVE:
            amount = rules.grown(_figures(balance), held=before, amount=extension.amount, step=extension.step)
        self._passed[extension.hold_id] = amount
        balance = replace(balance, held=balance.held + amount - before)
        self.learn(balance)
        return ExtendResult(amount, contended=amount < extension.amount and balance.held > amount)

    def used(self, settlement: Settlement) -> tuple[Balance | None, int, int]:
        """A use that the books do not know yet: the balance after it, its overage, and the percentage before."""
        balance = self.unused(settlement.account_id, settlement.hold_id)
        if balance is None:
            return None, 0, 0
        percent = balance.use_percent
        from_allowance = min(settlement.charge, balance.allowance_granted - balance.allowance_used)
        from_credits = min(settlement.charge - from_allowance, balance.credits_remaining)
        overage = settlement.charge - from_allowance - from_credits
        balance = replace(
            balance,
            allowance_used=balance.allowance_used + from_allowance,
            credits_remaining=balance.credits_remaining - from_credits,
            credits_used=balance.credits_used + from_credits,
            overage=balance.overage + overage,
        )
        self.learn(balance)
        return balance, overage, percent

    def unused(self, account_id: AccountId, hold_id: HoldId) -> Balance | None:
        """What a request held here is free again."""
        amount = self._passed.pop(hold_id, 0)
        balance = self._balances.get(account_id)
        if balance is None:
            return None
        freed = replace(balance, held=max(0, balance.held - amount))
        self.learn(freed)
        return freed

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
