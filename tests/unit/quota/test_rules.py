"""The rules keep their promises for any account and any figures."""

from __future__ import annotations

import datetime as dt
import itertools
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from solaris_hooks.quota import cycle, rules
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.figures import Figures, Lot, Step
from solaris_hooks.quota.period import period_containing
from solaris_hooks.quota.plan import Plan

NOW = dt.datetime(2026, 1, 15, 12, tzinfo=dt.UTC)
HOLD = UUID(int=1)
tokens = st.integers(0, 300) | st.integers(0, 10**15)
seconds = st.integers(-10_000_000, 10_000_000)


@st.composite
def accounts(draw: st.DrawFn) -> Figures:
    """Any account whose figures can be."""
    granted = draw(tokens)
    lots = tuple(
        Lot(
            lot_id=UUID(int=number + 1),
            remaining=draw(tokens),
            created_at=NOW - dt.timedelta(seconds=draw(st.integers(1, 1000))),
            expires_at=draw(st.none() | seconds.map(lambda s: NOW + dt.timedelta(seconds=s))),
        )
        for number in range(draw(st.integers(0, 4)))
    )
    spent = draw(st.booleans())
    overage = draw(tokens) if spent else 0
    return Figures(
        plan_id="default",
        time_zone="America/Sao_Paulo",
        anchor_day=draw(st.integers(1, 31)),
        period=period_containing(NOW, time_zone="America/Sao_Paulo", anchor_day=draw(st.integers(1, 31))),
        allowance_granted=granted,
        allowance_used=granted if overage else draw(st.integers(0, granted)),
        credits_used=draw(tokens),
        held=draw(tokens),
        overage=overage,
        lots=() if overage else lots,
        entries=draw(st.integers(1, 50)),
    )


def _worth(figures: Figures) -> int:
    return figures.allowance_left + figures.credits_remaining - figures.overage


def _sound(before: Figures, step: Step) -> None:
    """What every step keeps true."""
    after = step.figures
    assert 0 <= after.allowance_used <= after.allowance_granted
    assert all(lot.remaining >= 0 for lot in after.lots)
    assert after.overage == 0 or after.remaining == 0
    assert after.entries == before.entries + len(step.postings)
    worth = _worth(before)
    for posting in step.postings:
        worth += posting.tokens
        assert worth == posting.allowance_after + posting.credits_after - posting.overage_after
        assert min(posting.allowance_after, posting.credits_after, posting.overage_after) >= 0
    assert worth == _worth(after)
    assert len({posting.key for posting in step.postings}) == len(step.postings)


def _used(figures: Figures) -> int:
    return figures.allowance_used + figures.credits_used + figures.overage


@given(accounts(), tokens, seconds)
def test_as_of_now_keeps_the_books_sound_and_is_done_once(account: Figures, monthly: int, later: int) -> None:
    now = NOW + dt.timedelta(seconds=later)
    plans = {"default": Plan("default", monthly)}
    step = cycle.as_of(account, plans=plans, now=now).step
    _sound(account, step)
    assert step.figures.held == account.held
    assert now < step.figures.period.end
    assert not [lot for lot in step.figures.lots if lot.remaining and lot.expires_at and lot.expires_at <= now]
    assert cycle.as_of(step.figures, plans=plans, now=now) == cycle.Turn(Step(step.figures))


@given(accounts(), tokens, tokens)
def test_a_charge_is_covered_or_overage_and_nothing_is_lost(account: Figures, charge: int, held: int) -> None:
    booking = rules.booked(account, hold_id=HOLD, charge=charge, held=held, details={})
    _sound(account, booking.step)
    after = booking.step.figures
    assert _used(after) - _used(account) == charge
    assert after.remaining == max(0, account.remaining - charge)
    assert booking.overage == max(0, charge - account.remaining)
    assert after.held == account.held - held
    assert -sum(posting.tokens for posting in booking.step.postings) == charge


@given(accounts(), tokens)
def test_lots_are_used_in_their_turn_and_none_before_the_allowance(account: Figures, charge: int) -> None:
    after = rules.booked(account, hold_id=HOLD, charge=charge, held=0, details={}).step.figures
    left = {lot.lot_id: lot.remaining for lot in after.lots}
    turn = sorted(account.lots, key=lambda lot: lot.turn)
    if any(left[lot.lot_id] < lot.remaining for lot in turn):
        assert after.allowance_left == 0
    for earlier, later in itertools.pairwise(turn):
        assert left[earlier.lot_id] == 0 or left[later.lot_id] == later.remaining


@given(accounts(), st.integers(1, 10**15))
def test_credits_repay_before_they_can_be_used(account: Figures, granted: int) -> None:
    step = rules.credited(account, Lot(UUID(int=99), granted, NOW, None), key="k", origin="grant")
    _sound(account, step)
    assert _used(step.figures) == _used(account)
    assert step.figures.overage == max(0, account.overage - granted)
    assert step.figures.remaining - account.remaining == granted - (account.overage - step.figures.overage)


@given(accounts(), tokens)
def test_another_plan_never_takes_back_what_is_used(account: Figures, monthly: int) -> None:
    step = rules.plan_changed(account, plan_id="other", monthly_tokens=monthly)
    _sound(account, step)
    assert step.figures.allowance_granted == max(monthly, account.allowance_used)
    assert _used(step.figures) == _used(account)
    assert (
        sum(posting.tokens for posting in step.postings) == step.figures.allowance_granted - account.allowance_granted
    )


@given(accounts(), tokens, tokens, tokens, tokens, tokens)
def test_what_is_held_is_never_more_than_is_available(
    account: Figures, want: int, ample: int, fair: int, step: int, minimum: int
) -> None:
    admission = rules.admission(
        account, status=Status.ACTIVE, want=want, ample=ample, fair=fair, step=step, minimum=minimum
    )
    assert 0 <= admission.amount <= min(want, account.available)
    if admission.outcome == "held":
        assert admission.amount == want or admission.amount >= max(1, minimum)
    else:
        assert admission.amount == 0
        assert account.available < max(1, minimum)
        assert (admission.outcome == "contended") == (max(1, minimum) <= account.remaining)


@given(accounts(), tokens, tokens)
def test_twenty_requests_at_once_find_something(account: Figures, want: int, minimum: int) -> None:
    assume(account.available >= 20 * max(1, minimum))
    share = account.available // rules.SHARES
    admission = rules.admission(
        account, status=Status.ACTIVE, want=want, ample=10**18, fair=want, step=0, minimum=minimum
    )
    assert admission.amount <= max(share, 1, minimum)


@given(accounts(), tokens, tokens, tokens)
def test_a_hold_grows_within_what_is_available_and_never_shrinks(
    account: Figures, held: int, amount: int, step: int
) -> None:
    grown = rules.grown(account, held=held, amount=amount, step=step)
    assert held <= grown <= max(held, min(amount, held + account.available))


@given(accounts(), tokens, tokens, st.sampled_from([s for s in Status if s is not Status.ACTIVE]))
def test_nobody_holds_who_is_not_active(account: Figures, want: int, minimum: int, status: Status) -> None:
    admission = rules.admission(account, status=status, want=want, ample=want, fair=want, step=want, minimum=minimum)
    assert admission == rules.Admission("inactive")


@given(accounts(), st.integers(1, 31), st.sampled_from(["UTC", "Africa/Cairo", "Pacific/Auckland"]))
def test_other_months_grant_nothing_and_never_end_earlier(account: Figures, anchor_day: int, zone: str) -> None:
    after = rules.rescheduled(account, time_zone=zone, anchor_day=anchor_day)
    assert after.period.start == account.period.start
    assert account.period.end <= after.period.end <= account.period.end + dt.timedelta(days=16)
    assert _worth(after) == _worth(account)
    assert rules.rescheduled(after, time_zone=zone, anchor_day=anchor_day) == after


@given(accounts(), st.lists(st.tuples(st.integers(1, 31), st.sampled_from(["UTC", "Pacific/Kiritimati"])), max_size=5))
def test_however_often_months_change_no_two_renewals_are_within_half_a_month(
    account: Figures, changes: list[tuple[int, str]]
) -> None:
    renewed, starts = [account.period.end], set()
    for anchor_day, zone in changes:
        account = rules.rescheduled(account, time_zone=zone, anchor_day=anchor_day)
        plans = {"default": Plan("default", 100)}
        account = cycle.as_of(account, plans=plans, now=account.period.end).step.figures
        starts.add(account.period.start)
        renewed.append(account.period.end)
    assert len(starts) == len(changes), "or entries of two renewals had one key"
    assert all(later - earlier >= dt.timedelta(days=13) for earlier, later in itertools.pairwise(renewed))


@given(accounts(), st.integers(0, 5))
def test_no_more_is_revoked_than_is_unused_and_not_held(account: Figures, which: int) -> None:
    lots = [*account.lots, None]
    lot = lots[which % len(lots)]
    lot_id = lot.lot_id if lot else UUID(int=7)
    step = rules.revoked(account, lot_id, key="k")
    taken = -sum(posting.tokens for posting in step.postings)
    assert taken == min(lot.remaining if lot else 0, max(0, account.remaining - account.held))
    assert _worth(step.figures) == _worth(account) - taken
    assert step.figures.available == account.available - taken
