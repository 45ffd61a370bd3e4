"""A ledger in memory, for tests and demos only: it forgets everything when its process ends.

It is made of the pure rules and passes the same conformance suite as PostgreSQL's. Nothing in it
awaits, so that every operation is whole before another task of the event loop sees it. Each one
first checks everything that can fail, so that a refused operation changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.account_list import MemoryAccountList
from solaris_hooks.ledger.audit_trail import AuditRecord, MemoryAuditTrail, differing
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.lengths import LengthCount, LengthKind
from solaris_hooks.ledger.memory_account import (
    Booked,
    MemoryAccount,
    asked,
    checked_status,
    seconds_text,
    settlement_facts,
)
from solaris_hooks.ledger.memory_actions import MemoryAccountActions
from solaris_hooks.ledger.memory_credits import MemoryCreditLots, MemoryRequestBook
from solaris_hooks.ledger.memory_deliveries import MemoryDeliveries
from solaris_hooks.ledger.memory_members import TELLS_NOTHING, MemoryMembers
from solaris_hooks.ledger.memory_refusals import MemoryRefusals
from solaris_hooks.ledger.memory_terms import MemoryAccountTerms
from solaris_hooks.ledger.records import (
    NOTHING,
    Account,
    AccountChange,
    AccountPage,
    CreditOrigin,
    DailyUsage,
    EndUser,
    Entry,
    ExtendResult,
    Extension,
    Grant,
    GrantResult,
    Hold,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Plan,
    Settlement,
    SettleOutcome,
    SettleResult,
    Verification,
)
from solaris_hooks.ledger.terms_json import plan_json
from solaris_hooks.ledger.verification import AccountVerifier
from solaris_hooks.quota import cycle, rules
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.checks import checked_anchor_day, checked_grant, checked_terms, checked_time_zone
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, LedgerError, NotFoundError
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId

DEFAULT_PLAN = Plan("default", 1_000_000)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class MemoryLedger:
    """Keeps the contract of :mod:`solaris_hooks.ledger.port` without a database. Tests and demos only."""

    def __init__(self, now: Callable[[], dt.datetime] = _utc_now, *, defaults: NewAccount | None = None) -> None:
        """Start with the default plan and no accounts.

        Args:
            now: the clock; aware times.
            defaults: what accounts get that ``put_account`` makes.
        """
        self._clock = now
        self._defaults = defaults or NewAccount()
        self._accounts: dict[AccountId, MemoryAccount] = {}
        self._end_users: dict[AccountId, AccountId] = {}
        self.merged: dict[AccountId, AccountId] = {}
        self._plans = {DEFAULT_PLAN.plan_id: DEFAULT_PLAN}
        self.trail = MemoryAuditTrail()
        self.deliveries = MemoryDeliveries()
        self.refusals = MemoryRefusals(self, now)
        self.terms = self.cycle = MemoryAccountTerms(self)
        self.lots = MemoryCreditLots(self)
        self.actions = MemoryAccountActions(self)
        self.requests = MemoryRequestBook(self)
        self.account_list = MemoryAccountList(self._everybody)
        self.members = MemoryMembers(self)
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

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        """The account of an end user who has a lasting id."""
        named, by_email = end_user.account_id, end_user.by_email
        if named in self._end_users:
            return self._end_users[named]
        known = named in self._accounts
        found = named
        if not known and by_email in self._accounts and by_email not in self._end_users.values():
            found, known = by_email, True
        if known or create:
            self._end_users[named] = found
        return found

    async def merged_into(self, account_id: AccountId) -> AccountId | None:
        """The account that pays for another one: this ledger merges none, but tests may say that it did."""
        return self.merged.get(account_id)

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
        account.count(settlement, now.astimezone(ZoneInfo(account.figures.time_zone)).date(), whose)
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

    async def knows_team(self, team: AccountId) -> bool:
        """Whether a team has an account."""
        return team in self._accounts

    async def exchange_lengths(self, fresh: Sequence[LengthCount]) -> Sequence[LengthCount]:
        """Add counts of answers' lengths, and get all. This ledger forgets none."""
        for each in fresh:
            self._lengths[each.model, each.kind, each.bucket] += each.count
        return [LengthCount(*key, count) for key, count in self._lengths.items()]

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

    async def take_notices(self, account_id: AccountId) -> Sequence[Event]:
        """What the chat is to tell now."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        told, account.untold = account.untold, []
        return [account.events[key] for key in told]

    async def give_back_notices(self, account_id: AccountId, numbers: Sequence[int]) -> int:
        """Let events that were taken be taken again."""
        account = self._accounts.get(account_id)
        if account is None:
            return 0
        back = [key for key, event in account.events.items() if event.number in numbers and key not in account.untold]
        account.untold = sorted([*back, *account.untold], key=lambda key: account.events[key].number)
        return len(back)

    async def events(
        self, account_id: AccountId | None = None, *, limit: int = 50, before: int | None = None
    ) -> Sequence[Event]:
        """Events of an account or of all, newest first."""
        found = [
            event
            for key, account in self._accounts.items()
            if account_id in {None, key}
            for event in account.events.values()
            if before is None or event.number < before
        ]
        return sorted(found, key=lambda event: -event.number)[:limit]

    async def account(self, account_id: AccountId) -> Account | None:
        """One account as of now."""
        account = self.current(account_id, self.now())
        return None if account is None else self._read(account)

    async def accounts(self, *, query: str = "", limit: int = 50, after: AccountId | None = None) -> AccountPage:
        """Accounts in order of id, as of now."""
        now = self.now()
        wanted = query.lower()
        found = [
            account_id
            for account_id, account in sorted(self._accounts.items())
            if (after is None or account_id > after)
            and any(wanted in (text or "").lower() for text in (account_id, account.email, account.name))
        ]
        # One more than the page is looked at, as in PostgreSQL: what is due for it happens.
        looked_at = [account for account_id in found[: limit + 1] if (account := self.current(account_id, now))]
        page, more = looked_at[:limit], len(found) > limit
        return AccountPage(tuple(map(self._read, page)), page[-1].account_id if more and page else None)

    async def put_account(
        self, account_id: AccountId, change: AccountChange, *, actor: str, reason: str | None = None
    ) -> Account:
        """Change an account, making it if it is missing."""
        if change.time_zone is not None:
            checked_time_zone(change.time_zone)
        if change.anchor_day is not None:
            checked_anchor_day(change.anchor_day)
        plan = self.existing_plan(change.plan_id) if change.plan_id is not None else None
        checked_status(self._accounts.get(account_id), change, reason)
        now = self.now()
        known = self.current(account_id, now)
        email = None if change.email is NOTHING else change.email
        account = known or self._open(account_id, self._opening(change), now, email=email)
        before = account.profile
        if plan and plan.plan_id != account.figures.plan_id:
            monthly = cycle.monthly_tokens(account.figures.standing, plan)
            step = rules.plan_changed(account.figures, plan_id=plan.plan_id, monthly_tokens=monthly)
            account.take(step, at=now, actor=actor)
            account.alerts = account.alerts.rearmed(self.thresholds(account), account.balance.use_percent)
        account.figures = rules.rescheduled(
            account.figures,
            time_zone=change.time_zone or account.figures.time_zone,
            anchor_day=change.anchor_day or account.figures.anchor_day,
        )
        account.change(change)
        account = self._as_of(account, now)  # what the plan says beside its tokens
        status_before = Status(str(before["status"]))
        said = None if change.status_reason is NOTHING else change.status_reason
        if known is None:
            draft = AuditRecord(0, now, actor, "account.create", account_id, account_id, None, account.profile, reason)
        else:
            was, became = differing(before, account.profile)
            why = said if reason is None else reason
            draft = AuditRecord(0, now, actor, "account.change", account_id, account_id, was, became, why)
        number = self.trail.write(draft) if draft.after else 0
        account.tell_status(status_before, number, now)
        return self._read(account)

    async def grant_credits(self, grant: Grant) -> GrantResult:
        """Grant credits, once for each idempotency key."""
        checked_grant(grant.tokens)
        known = self._accounts.get(grant.account_id)
        if known is None:
            raise NotFoundError(f'There is no account "{grant.account_id}".', param="account_id")
        now = self.now()
        first = known.grants.get(grant.idempotency_key)
        if first and asked(first) != asked(grant):
            raise ConflictError(
                f'The idempotency key "{grant.idempotency_key}" was used for another grant; use a new one.'
            )
        if not first and grant.expires_at is not None and grant.expires_at <= now:
            raise InvalidRequestError("Credits must expire in the future.", param="expires_at")
        account = self._as_of(known, now)
        if not first:
            asked_for = grant.origin is CreditOrigin.REQUEST  # that is told with the answer to the request
            lot_id = account.credit(grant, now, self.thresholds(account), in_chat=not asked_for)
            after = {
                "tokens": grant.tokens,
                "origin": grant.origin.value,
                "key": grant.idempotency_key,
                "expires_at": grant.expires_at and seconds_text(grant.expires_at),
            }
            self.trail.write(
                AuditRecord(
                    0, now, grant.actor, "credits.grant", grant.account_id, str(lot_id), None, after, grant.reason
                )
            )
        return GrantResult(self._read(account), replayed=first is not None)

    async def entries(self, account_id: AccountId, *, limit: int = 50, before: int | None = None) -> Sequence[Entry]:
        """Entries of an account, newest first."""
        account = self._accounts.get(account_id)
        entries = account.entries if account else []
        older = [entry for entry in reversed(entries) if before is None or entry.number < before]
        return older[:limit]

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
        """Totals per local day and model, oldest first, models of a day by name."""
        account = self._accounts.get(account_id)
        daily = account.daily if account else {}
        return [total for (day, _), total in sorted(daily.items()) if since <= day <= until]

    async def holds(self, account_id: AccountId | None = None, *, limit: int = 100) -> Sequence[Hold]:
        """Tokens held now, oldest first."""
        mine = [hold for hold in self._all_holds() if account_id in {None, hold.account_id}]
        return sorted(mine, key=lambda hold: (hold.held_at, hold.hold_id))[:limit]

    async def plans(self) -> Sequence[Plan]:
        """All plans, in order of id."""
        return [plan for _, plan in sorted(self._plans.items())]

    async def plan(self, plan_id: str) -> Plan | None:
        """One plan, or None."""
        return self._plans.get(plan_id)

    async def put_plan(self, plan: Plan, *, actor: str, reason: str | None = None) -> Plan:
        """Make or change a plan."""
        checked_terms(plan)
        if plan.trial_then is not None:
            self.existing_plan(plan.trial_then)
        known = self._plans.get(plan.plan_id)
        put = self._plans[plan.plan_id] = replace(plan, thresholds=tuple(plan.thresholds))
        before, after = (None, plan_json(put)) if known is None else differing(plan_json(known), plan_json(put))
        if after:
            self.trail.write(AuditRecord(0, self.now(), actor, "plan.put", None, plan.plan_id, before, after, reason))
        return put

    async def verify(self, account_id: AccountId | None = None) -> Verification:
        """Recompute every entry and balance."""
        verifier = AccountVerifier()
        for key, account in sorted(self._accounts.items()):
            if account_id in {None, key}:
                account.check(verifier)
        return verifier.result()

    async def ping(self) -> None:
        """Memory can always be read."""

    def _all_holds(self) -> list[Hold]:
        return [hold for account in self._accounts.values() for hold in account.holds.values()]

    def now(self) -> dt.datetime:
        """The time."""
        return self._clock()

    def known(self) -> Mapping[AccountId, MemoryAccount]:
        """All accounts as they were left."""
        return self._accounts

    def _everybody(self) -> Sequence[Account]:
        now = self.now()
        return [self._read(self._as_of(account, now)) for account in self._accounts.values()]

    def thresholds(self, account: MemoryAccount) -> Sequence[int]:
        """The percentages of use at which an account's user is told."""
        return cycle.thresholds(account.figures.standing, self._plans[account.figures.plan_id])

    def existing_plan(self, plan_id: str) -> Plan:
        """A plan that is there.

        Raises:
            NotFoundError: there is none.
        """
        plan = self._plans.get(plan_id)
        if plan is None:
            raise NotFoundError(f'There is no plan "{plan_id}".', param="plan_id")
        return plan

    def current(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount | None:
        """The account as of now, or None."""
        account = self._accounts.get(account_id)
        return account and self._as_of(account, now)

    def _as_of(self, account: MemoryAccount, now: dt.datetime) -> MemoryAccount:
        before = account.balance
        turn = cycle.as_of(account.figures, plans=self._plans, now=now)
        account.take(turn.step, at=now)
        if turn.trial_ended:
            account.trial_ended(now)
        if account.figures.period.start != before.period.start:
            account.renewed(before.used, now)
        elif any(posting.kind == "plan_change" for posting in turn.step.postings):
            account.alerts = account.alerts.rearmed(self.thresholds(account), account.balance.use_percent)
        return account

    def notices(self, account: MemoryAccount) -> bool:
        """Whether the chat tells an account's user anything: his plan and he himself must say so."""
        by_plan = cycle.notices(account.figures.standing, self._plans[account.figures.plan_id])
        return account.chat_notices and by_plan

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

    def _read(self, account: MemoryAccount) -> Account:
        return replace(account.account, notices=self.notices(account))

    def _open(self, account_id: AccountId, new: NewAccount, now: dt.datetime, *, email: str | None) -> MemoryAccount:
        plan = self.existing_plan(new.plan_id)
        step = rules.opened(
            plan_id=plan.plan_id,
            monthly_tokens=plan.monthly_tokens,
            time_zone=checked_time_zone(new.time_zone),
            anchor_day=checked_anchor_day(new.anchor_day),
            now=now,
        )
        step = cycle.adopted(step, plan, now)
        account = MemoryAccount(account_id, step.figures, created_at=now, locale=new.locale, status=new.status)
        account.take(step, at=now)
        account.emit(EventKind.ACCOUNT_CREATED, "created", now, email=email, status=new.status.value)
        self._accounts[account_id] = account
        return account

    def _planned(self, new: NewAccount) -> NewAccount:
        """What a new account starts with, with the months that its plan wants."""
        plan = self.existing_plan(new.plan_id)
        return replace(new, time_zone=plan.time_zone or new.time_zone, anchor_day=plan.anchor_day or new.anchor_day)

    def _opening(self, change: AccountChange) -> NewAccount:
        """What an account that an administrator makes starts with."""
        usual = self._planned(replace(self._defaults, plan_id=change.plan_id or self._defaults.plan_id))
        return NewAccount(
            plan_id=usual.plan_id,
            locale=usual.locale if change.locale is None else change.locale,
            time_zone=change.time_zone or usual.time_zone,
            anchor_day=change.anchor_day or usual.anchor_day,
        )
