"""Random lives of accounts: PostgreSQL's ledger and the one made of the pure rules never differ."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from solaris_hooks.ledger.account_actions import PreferenceChange, Reset
from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.ledger.credit_lots import Revocation, RevocationResult
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import (
    NOTHING,
    AccountChange,
    CreditOrigin,
    Extension,
    Grant,
    Hold,
    HoldRequest,
    NewAccount,
    Plan,
    Settlement,
)
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.terms import Field, OverrideValue
from solaris_hooks.quota.usage import Usage, UsageSource

from .conftest import empty
from .lockstep import Lockstep
from .world import ANA, BIA, EVA, RUI, TEAM, Clock, utc

accounts = st.sampled_from([ANA, ANA, BIA, TEAM, TEAM])
members = st.sampled_from([RUI, RUI, EVA])
plan_ids = st.sampled_from(["default", "small", "big", "gone"])
tokens = st.integers(0, 60) | st.integers(0, 400)
zones = st.sampled_from(["America/Sao_Paulo", "Europe/Lisbon", "Africa/Cairo", "America/Havana", "Pacific/Auckland"])
anchor_days = st.sampled_from([1, 15, 24, 30, 31])
starts = st.sampled_from(["2026-01-15 12:00", "2018-10-20", "2028-01-31 23:59", "2026-04-20", "2026-10-31 20:00"])
jumps = st.sampled_from([dt.timedelta(days=days) for days in (0.02, 1, 9, 28, 31, 70)])
usages = st.builds(
    lambda uncached, cached, output: Usage(uncached + cached, output, cached),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
)


class Lives(RuleBasedStateMachine):
    """Everything that may happen to two people's accounts, and to one that two others share."""

    holds: Bundle[tuple[AccountId, HoldId]] = Bundle("holds")

    def __init__(self, runner: asyncio.Runner, real: PostgresLedger, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.ids = 0
        self.grants = 0
        self.last_grant: Grant | None = None
        self.whose: dict[HoldId, MemberId | None] = {}
        self.two = Lockstep(runner, MemoryLedger(now=clock), real)

    def tick(self) -> None:
        """Let a little time pass, so that no two things happen at once."""
        self.clock.wait(seconds=1)

    def fresh_id(self) -> HoldId:
        """A UUIDv7 of its own; counted, so that a failure repeats."""
        self.ids += 1
        return HoldId(UUID(int=(0x019BC000 << 96) | (7 << 76) | (2 << 62) | self.ids))

    @initialize(start=starts, monthly=tokens, small=tokens, big=tokens)
    def begin(self, start: str, monthly: int, small: int, big: int) -> None:
        self.clock.now = utc(start)
        for plan_id, granted in (("default", monthly), ("small", small), ("big", big)):
            self.put_plan(plan_id, granted)

    @rule(
        target=holds,
        account_id=accounts,
        want=tokens,
        minimum=tokens,
        prompt=tokens,
        email=st.sampled_from([None, "", "ana@example.com"]),
        new=st.builds(NewAccount, plan_id=plan_ids, time_zone=zones, anchor_day=anchor_days, create=st.booleans()),
        shares=st.tuples(*[st.none() | tokens] * 3),
        member=members,
    )
    def hold(
        self,
        account_id: AccountId,
        want: int,
        minimum: int,
        prompt: int,
        email: str | None,
        new: NewAccount,
        shares: tuple[int | None, int | None, int | None],
        member: MemberId,
    ) -> tuple[AccountId, HoldId]:
        self.tick()
        whose = member if account_id == TEAM else None
        request = HoldRequest(account_id, self.fresh_id(), "gpt", want, minimum, prompt, 60, email, new, *shares, whose)
        self.whose[request.hold_id] = whose
        self.two.both(lambda ledger: ledger.hold(request))
        self.two.history(account_id, limit=5)
        return account_id, request.hold_id

    @rule(account_id=accounts, hold=holds, want=tokens)
    def hold_again(self, account_id: AccountId, hold: tuple[AccountId, HoldId], want: int) -> None:
        self.tick()
        request = HoldRequest(account_id, hold[1], "gpt", want, 1, 1, 60)
        self.two.both(lambda ledger: ledger.hold(request))

    @rule(account_id=accounts, key=st.integers(0, 3))
    def reset(self, account_id: AccountId, key: int) -> None:
        self.tick()
        order = Reset(account_id, "our failure", "admin:root", str(key))
        self.two.both(lambda ledger: ledger.actions.reset(order))
        self.two.history(account_id, limit=5)

    @rule(
        account_id=accounts,
        wanted=st.fixed_dictionaries({}, optional={"mails": st.booleans(), "chat_notices": st.booleans()}),
    )
    def prefer(self, account_id: AccountId, wanted: dict[str, bool]) -> None:
        self.tick()
        change = PreferenceChange(
            account_id, account_id, mails=wanted.get("mails"), chat_notices=wanted.get("chat_notices")
        )
        self.two.both(lambda ledger: ledger.actions.set_preferences(change))

    @rule(hold=holds, amount=tokens, step=tokens)
    def extend(self, hold: tuple[AccountId, HoldId], amount: int, step: int) -> None:
        self.tick()
        extension = Extension(*hold, amount, step, "gpt", 1, 60, self.whose[hold[1]])
        self.two.both(lambda ledger: ledger.extend(extension))
        self.two.history(hold[0], limit=5)

    @rule(
        hold=holds,
        charge=tokens | st.just(-1),
        usage=usages,
        source=st.sampled_from(UsageSource),
        model=st.sampled_from(["gpt", "claude"]),
        named=st.booleans(),
    )
    def settle(
        self,
        hold: tuple[AccountId, HoldId],
        charge: int,
        usage: Usage,
        source: UsageSource,
        model: str,
        *,
        named: bool,
    ) -> None:
        self.tick()
        whose = self.whose[hold[1]] if named else None
        settlement = Settlement(*hold, model, charge, usage, source, {"n": self.ids}, whose)
        self.two.both(lambda ledger: ledger.settle(settlement))
        self.two.history(hold[0], limit=7)

    @rule(account_id=accounts, charge=tokens, member=members)
    def settle_what_was_lost(self, account_id: AccountId, charge: int, member: MemberId) -> None:
        self.tick()
        whose = member if account_id == TEAM else None
        settlement = Settlement(
            account_id, self.fresh_id(), "gpt", charge, Usage(1, 1), UsageSource.SWEEP, member_id=whose
        )
        self.two.both(lambda ledger: ledger.settle(settlement))
        self.two.history(account_id, limit=7)

    @rule(hold=holds)
    def release(self, hold: tuple[AccountId, HoldId]) -> None:
        self.tick()
        self.two.both(lambda ledger: ledger.release(*hold))
        self.two.history(hold[0], limit=5)

    @rule(hold=holds)
    def renew_lease(self, hold: tuple[AccountId, HoldId]) -> None:
        self.tick()
        self.two.both(lambda ledger: ledger.renew_leases([hold], lease_seconds=90))

    @rule()
    def claim(self) -> None:
        self.tick()
        self.two.both(_claimed)

    @rule(
        account_id=accounts,
        granted=tokens,
        key=st.sampled_from(["a", "b", "c", "d", "e"]),
        lasting=st.none() | jumps | st.just(dt.timedelta(0)),
    )
    def grant(self, account_id: AccountId, granted: int, key: str, lasting: dt.timedelta | None) -> None:
        self.tick()
        self.grants += 1  # no two lots expire at once: ids decide then, and each ledger mints its own
        expires = None if lasting is None else self.clock.now + lasting + dt.timedelta(microseconds=self.grants)
        self.last_grant = Grant(account_id, granted, "bought", "root", key, CreditOrigin.GRANT, expires)
        self.grant_again()

    @rule(account_id=accounts, which=st.integers(0, 5), key=st.sampled_from(["a", "b", "c"]))
    def revoke(self, account_id: AccountId, which: int, key: str) -> None:
        self.tick()
        self.two.both(lambda ledger: _revoked(ledger, account_id, which, key))
        self.two.history(account_id, limit=7)

    @rule()
    def expire(self) -> None:
        self.tick()
        self.two.both(_expired)

    @rule()
    def grant_again(self) -> None:
        self.tick()
        if grant := self.last_grant:
            self.two.both(lambda ledger: ledger.grant_credits(grant))
            self.two.history(grant.account_id, limit=7)

    @rule(
        account_id=accounts,
        change=st.builds(
            AccountChange,
            plan_id=st.none() | plan_ids,
            status=st.sampled_from([None, *Status, Status.ACTIVE, Status.ACTIVE]),
            status_reason=st.sampled_from([None, "", "unpaid", NOTHING]),
            email=st.sampled_from([None, "", "x@example.com", NOTHING]),
            name=st.sampled_from([None, "Ana", NOTHING]),
            locale=st.sampled_from([None, "en"]),
            time_zone=st.none() | zones | st.just("Mars/Olympus"),
            anchor_day=st.none() | anchor_days | st.just(32),
        ),
        reason=st.sampled_from([None, "", "asked"]),
    )
    def put_account(self, account_id: AccountId, change: AccountChange, reason: str | None) -> None:
        self.tick()
        self.two.both(lambda ledger: ledger.put_account(account_id, change, actor="root", reason=reason))
        self.two.history(account_id, limit=7)

    @rule(
        plan_id=plan_ids,
        monthly=tokens | st.just(-1),
        terms=st.fixed_dictionaries(
            {},
            optional={
                "overdraft": tokens,
                "max_in_flight": st.integers(0, 3),
                "time_zone": zones,
                "anchor_day": anchor_days,
                "allowed_models": st.just(("gpt*",)),
                "notices": st.just(value=False),
                "thresholds": st.sampled_from([(), (50,), (100,)]),
                "trial_days": st.sampled_from([1, 20, 40]),
                "trial_then": plan_ids,
            },
        ),
    )
    def put_plan(self, plan_id: str, monthly: int, terms: dict[str, Any] | None = None) -> None:
        self.tick()
        plan = Plan(plan_id, monthly, **terms or {})
        self.two.both(lambda ledger: ledger.put_plan(plan, actor="root"))
        self.two.both(lambda ledger: ledger.plans())

    @rule(account_id=accounts, plan_id=plan_ids, at_renewal=st.booleans(), pro_rata=st.booleans())
    def change_plan(self, account_id: AccountId, plan_id: str, *, at_renewal: bool, pro_rata: bool) -> None:
        self.tick()
        change = PlanChange(account_id, plan_id, "root", at_renewal=at_renewal, pro_rata=pro_rata, reason="r")
        self.two.both(lambda ledger: ledger.terms.change_plan(change))
        self.two.both(lambda ledger: ledger.account(account_id))
        self.two.history(account_id, limit=7)

    @rule(
        account_id=accounts,
        values=st.fixed_dictionaries(
            {},
            optional={
                Field.MONTHLY_TOKENS: tokens,
                Field.OVERDRAFT: tokens,
                Field.MAX_IN_FLIGHT: st.sampled_from([None, 0, 1, 2]),
                Field.ALLOWED_MODELS: st.sampled_from([None, ("gpt*",)]),
                Field.THRESHOLDS: st.sampled_from([(), (50,), (95, 100)]),
                Field.NOTICES: st.booleans(),
            },
        ),
        clear=st.lists(st.sampled_from(Field), max_size=2, unique=True),
        lasting=st.none() | jumps | st.just(dt.timedelta(0)),
    )
    def override(
        self,
        account_id: AccountId,
        values: dict[Field, OverrideValue],
        clear: list[Field],
        lasting: dt.timedelta | None,
    ) -> None:
        self.tick()
        until = None if lasting is None else self.clock.now + lasting
        change = OverrideChange(account_id, "root", "r", values, clear, until)
        self.two.both(lambda ledger: ledger.terms.override(change))
        self.two.both(lambda ledger: ledger.account(account_id))
        self.two.history(account_id, limit=7)

    @rule(
        account_id=accounts,
        member=st.none() | members,
        limit=st.none() | tokens | st.just(-1),
        is_own=st.booleans(),
    )
    def limit_members(self, account_id: AccountId, member: MemberId | None, limit: int | None, *, is_own: bool) -> None:
        self.tick()
        change = LimitChange(account_id, "root", member, limit, is_own=is_own, reason="r")
        self.two.both(lambda ledger: ledger.members.put_limit(change))
        self.two.history(account_id, limit=7)

    @rule(member=members, before=st.sampled_from([0, 0, 80]), percent=st.sampled_from([80, 95, 100]))
    def tell_member(self, member: MemberId, before: int, percent: int) -> None:
        self.tick()
        self.two.both(lambda ledger: ledger.members.tell(TEAM, member, before=before, percent=percent))

    @rule(limit=st.integers(1, 2), after=st.none() | members)
    def list_members(self, limit: int, after: MemberId | None) -> None:
        self.tick()
        self.two.both(lambda ledger: ledger.members.page(TEAM, limit=limit, after=after))

    @rule()
    def renew_due(self) -> None:
        self.tick()
        self.two.both(lambda ledger: ledger.cycle.renew_due(limit=10))

    @rule(query=st.sampled_from(["", "ANA", "x@", "%"]), limit=st.integers(1, 3))
    def search(self, query: str, limit: int) -> None:
        self.tick()
        self.two.both(lambda ledger: _listed(ledger, query, limit))

    @rule(jump=jumps)
    def wait(self, jump: dt.timedelta) -> None:
        self.clock.now += jump

    @rule(account_id=accounts, early=st.sampled_from([0, 1]))
    def wait_for_the_end_of_the_period(self, account_id: AccountId, early: int) -> None:
        account = self.two.both(lambda ledger: ledger.account(account_id))
        if account:
            self.clock.now = account.balance.period.end - dt.timedelta(seconds=1, microseconds=early)

    @rule(account_id=accounts, early=st.sampled_from([0, 1]))
    def wait_for_credits_to_expire(self, account_id: AccountId, early: int) -> None:
        account = self.two.both(lambda ledger: ledger.account(account_id))
        expiries = [lot.expires_at for lot in account.lots if lot.expires_at] if account else []
        if expiries:
            self.clock.now = max(self.clock.now, expiries[0] - dt.timedelta(seconds=1, microseconds=early))

    @rule(account_id=accounts)
    def look(self, account_id: AccountId) -> None:
        self.tick()
        self.two.everything(account_id)

    def teardown(self) -> None:
        for account_id in (ANA, BIA, TEAM):
            self.two.everything(account_id)
        self.two.verified()


async def _revoked(ledger: Ledger, account_id: AccountId, which: int, key: str) -> RevocationResult | None:
    """Take back one of an account's lots; by its place, since each ledger mints its own ids."""
    lots = sorted(await ledger.lots.all(account_id, limit=1000), key=lambda lot: lot.created_at)
    if not lots:
        return None
    lot_id = lots[which % len(lots)].lot_id
    return await ledger.lots.revoke(Revocation(account_id, lot_id, "mistake", "root", key))


async def _expired(ledger: Ledger) -> None:
    """Expire what is due; how many accounts were looked at is each ledger's own affair."""
    await ledger.lots.expire_due(limit=10)


async def _claimed(ledger: Ledger) -> list[Hold]:
    """All expired holds, by id: several claimed at once have one lease, and no order."""
    claimed = await ledger.claim_expired(limit=1000, claim_seconds=30)
    return sorted(claimed, key=lambda hold: hold.hold_id)


async def _listed(ledger: Ledger, query: str, limit: int) -> list[object]:
    page = await ledger.accounts(query=query, limit=limit)
    return [*((account.balance, account.email) for account in page.accounts), page.next_after]


@pytest.mark.timeout(900)  # a failure is shrunk before it is told
def test_both_ledgers_live_the_same_lives(ledger_url: str, superuser_url: str) -> None:
    clock = Clock()
    with asyncio.Runner() as runner:
        real = PostgresLedger(ledger_url, now=clock)

        def lives() -> Lives:
            empty(superuser_url)
            return Lives(runner, real, clock)

        try:
            run_state_machine_as_test(  # type: ignore[no-untyped-call, unused-ignore]
                lives,  # type: ignore[arg-type] # any callable serves
                settings=settings(
                    max_examples=80,
                    stateful_step_count=40,
                    phases=[phase for phase in Phase if phase is not Phase.explain],  # it takes minutes
                    print_blob=True,
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(real.close())
