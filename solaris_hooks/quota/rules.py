"""The rules by which an account's tokens move: pure functions from figures to figures and postings.

Every function takes the moment it happens at, where it matters, as an argument. The SQL
functions of ``solaris_hooks/ledger/sql`` do exactly the same; the in-memory ledger is made of
these, and one conformance suite holds the two against each other.

What always holds, before and after every rule:

* ``0 <= allowance_used <= allowance_granted``, and no lot is below 0;
* ``overage > 0`` only where nothing remains;
* a posting's tokens are what it adds to allowance left + credits - overage.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.figures import Figures, Lot, Posting, PostingKind, Step
from solaris_hooks.quota.ids import MemberId
from solaris_hooks.quota.period import period_containing
from solaris_hooks.quota.share import Share


def opened(*, plan_id: str, monthly_tokens: int, time_zone: str, anchor_day: int, now: dt.datetime) -> Step:
    """A new account, with the whole allowance of the period that it starts in."""
    figures = Figures(
        plan_id=plan_id,
        time_zone=time_zone,
        anchor_day=anchor_day,
        period=period_containing(now, time_zone=time_zone, anchor_day=anchor_day),
        allowance_granted=monthly_tokens,
        monthly_tokens=monthly_tokens,
    )
    return _posted(
        Step(figures),
        figures,
        kind="opening",
        tokens=monthly_tokens,
        key="opening",
        details={"plan": plan_id},
    )


def plan_changed(figures: Figures, *, plan_id: str, monthly_tokens: int) -> Step:
    """The account on another plan, at once: never less allowance than is used already."""
    return regranted(Step(replace(figures, plan_id=plan_id)), monthly_tokens)


def rescheduled(figures: Figures, *, time_zone: str, anchor_day: int) -> Figures:
    """The account with other months, which begin when this period ends: never earlier than it would have.

    Where the present end lies in the later half of a new month, the period lasts until the next one begins: or the
    account would be granted two allowances in a short time.
    """
    end = figures.period.end
    month = period_containing(end, time_zone=time_zone, anchor_day=anchor_day)
    if end - month.start > month.end - end:
        end = month.end
    return replace(
        figures,
        time_zone=time_zone,
        anchor_day=anchor_day,
        period=replace(figures.period, end=end),
    )


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request gets tokens to use, and how many.

    Attributes:
        outcome: the values of :class:`solaris_hooks.ledger.records.HoldOutcome` that rules can tell.
        amount: tokens to hold; 0 where the outcome is not ``held``.
        of_share: where it is ``tight``, whether the team has enough and the member's limit alone does not leave it.
    """

    outcome: Literal["held", "tight", "contended", "crowded", "inactive"]
    amount: int = 0
    of_share: bool = False


SHARES = 20
"""Where a balance is not ample, a request takes a twentieth of it: so that twenty at once find something."""


def admission(  # noqa: PLR0913 - a request's figures
    figures: Figures,
    *,
    status: Status,
    want: int,
    ample: int,
    fair: int,
    step: int,
    minimum: int,
    running: int = 0,
    share: Share | None = None,
) -> Admission:
    """What a request may hold of an account as of now.

    Args:
        figures: the account as of now.
        status: what an administrator has said about it.
        want: what the request may use at the most.
        ample: the balance from which on it takes all that it wants.
        fair: the most that it takes of a smaller balance: its share of it, but no more than this.
        step: what it takes even where that is more than its share.
        minimum: the least it can do something with. A request that wants any token is never
            held at 0: it would run without a bound.
        running: how many requests of the account hold tokens already.
        share: of the member who asks, where the account is a team's.
    """
    if status is not Status.ACTIVE:
        return Admission("inactive")
    spendable, available = figures.spendable, figures.available
    if share is not None:
        spendable, available = share.spendable(spendable), share.available(available)
    least = max(minimum, 1)
    plenty = max(want, ample) <= available
    if not plenty and least > spendable:
        return Admission("tight", of_share=least <= figures.spendable)
    limit = figures.terms.max_in_flight
    if limit is not None and running >= limit:
        return Admission("crowded")
    if plenty:
        return Admission("held", want)
    if least <= available:
        part = max(least, step, min(fair, available // SHARES))
        return Admission("held", min(want, part, available))
    return Admission("contended")


FULL = 100
NEARLY_ALL = 99
"""Percent used from which on a refusal for lack of tokens means that the account is used up."""


def as_good_as_used(use_percent: int, *, outcome: str, want: int, minimum: int) -> bool:
    """Whether a refused request shows that what is left cannot be used.

    A minimum beyond what is wanted only asks whether the balance is ample.
    """
    return outcome == "tight" and minimum <= want and use_percent >= NEARLY_ALL


def grown(figures: Figures, *, held: int, amount: int, step: int, share: Share | None = None) -> int:
    """What a hold becomes that asks to be ``amount``: never less than it is, never more than there is.

    Args:
        figures: the account as of now.
        held: what the hold is now; 0 where it was lost.
        amount: what it wants to be; it gets as much of it as its share of what is available.
        step: what it becomes even where that is more than its share.
        share: of the member whose request it is, where the account is a team's.
    """
    available = figures.available if share is None else share.available(figures.available)
    return max(held, min(amount, held + available, max(step, held + available // SHARES)))


@dataclass(frozen=True, slots=True)
class Booking:
    """A settlement's step.

    Attributes:
        overage: the part of the charge that nothing was left for.
    """

    step: Step
    overage: int


def booked(
    figures: Figures,
    *,
    hold_id: UUID,
    charge: int,
    held: int,
    details: Mapping[str, object],
    member_id: MemberId | None = None,
) -> Booking:
    """Use booked: from the allowance, then from lots in their turn; the rest is overage.

    Args:
        figures: the account as of now.
        hold_id: whose use it is.
        charge: booked tokens, not below 0.
        held: what the hold held; 0 where it is gone.
        details: facts kept with the entry of the use.
        member_id: whose use it is, where the account is a team's: named by the entry of an overage, too.
    """
    from_allowance = min(charge, figures.allowance_left)
    lots, takings = _drawn(figures.lots, charge - from_allowance)
    from_credits = sum(takings.values())
    covered = from_allowance + from_credits
    rest = charge - covered
    used = replace(
        figures,
        held=figures.held - held,
        allowance_used=figures.allowance_used + from_allowance,
        credits_used=figures.credits_used + from_credits,
        lots=lots,
    )
    step = _posted(
        Step(figures),
        used,
        kind="usage",
        tokens=-covered,
        key=f"usage:{hold_id}",
        details={
            **details,
            "from_allowance": from_allowance,
            "from_credits": [{"lot_id": str(lot_id), "tokens": taken} for lot_id, taken in takings.items()],
        },
    )
    if rest:
        owing = replace(step.figures, overage=figures.overage + rest)
        step = _posted(
            step,
            owing,
            kind="overage",
            tokens=-rest,
            key=f"overage:{hold_id}",
            details={"hold_id": str(hold_id)} | ({} if member_id is None else {"member": member_id}),
        )
    return Booking(step, rest)


def credited(figures: Figures, lot: Lot, *, key: str, origin: str) -> Step:
    """Credits granted: owed overage is taken from them first, as use of this period.

    Args:
        figures: the account as of now.
        lot: the lot with all of its tokens remaining.
        key: the grant's idempotency key.
        origin: where the credits come from.
    """
    repaid = min(figures.overage, lot.remaining)
    details = {
        "lot_id": str(lot.lot_id),
        "origin": origin,
        "expires_at": lot.expires_at and lot.expires_at.astimezone(dt.UTC).isoformat(),
        "overage_repaid": repaid,
    }
    richer = replace(
        figures,
        overage=figures.overage - repaid,
        credits_used=figures.credits_used + repaid,
        lots=(*figures.lots, replace(lot, remaining=lot.remaining - repaid)),
    )
    return _posted(Step(figures), richer, kind="credit", tokens=lot.remaining, key=f"credit:{key}", details=details)


def revoked(figures: Figures, lot_id: UUID, *, key: str) -> Step:
    """What is unused of a lot taken back, but nothing that requests in flight hold. No posting where it is nothing.

    Args:
        figures: the account as of now.
        lot_id: which lot.
        key: the revocation's idempotency key.
    """
    unused = sum(lot.remaining for lot in figures.lots if lot.lot_id == lot_id)
    tokens = min(unused, max(0, figures.remaining - figures.held))
    if not tokens:
        return Step(figures)
    lots = tuple(
        replace(lot, remaining=lot.remaining - tokens) if lot.lot_id == lot_id else lot for lot in figures.lots
    )
    details = {"lot_id": str(lot_id)}
    poorer = replace(figures, lots=lots)
    return _posted(
        Step(figures), poorer, kind="credit_revocation", tokens=-tokens, key=f"revocation:{key}", details=details
    )


def renewed(step: Step, monthly_tokens: int, now: dt.datetime, *, moved: bool = False) -> Step:
    """Let what is left lapse and grant the allowance of the period of now; months without a call are skipped.

    Args:
        step: what led here, with a period that is over.
        monthly_tokens: what the account is granted a month.
        now: a moment of the period that begins.
        moved: whether the account came to its plan by this renewal.
    """
    figures = step.figures
    period = period_containing(now, time_zone=figures.time_zone, anchor_day=figures.anchor_day)
    start = int(period.start.timestamp())
    if figures.allowance_left:
        lapsed = replace(figures, allowance_granted=figures.allowance_used)
        step = _posted(step, lapsed, kind="lapse", tokens=-figures.allowance_left, key=f"lapse:{start}", details={})
    repaid = min(figures.overage, monthly_tokens)
    fresh = replace(
        step.figures,
        period=period,
        allowance_granted=monthly_tokens,
        allowance_used=repaid,
        credits_used=0,
        overage=figures.overage - repaid,
        monthly_tokens=monthly_tokens,
    )
    details = {"granted": monthly_tokens, "overage_repaid": repaid} | ({"plan": figures.plan_id} if moved else {})
    return _posted(step, fresh, kind="renewal", tokens=monthly_tokens, key=f"renewal:{start}", details=details)


def regranted(step: Step, monthly_tokens: int) -> Step:
    """Grant what is granted a month now, if that is not what it was: at once."""
    if monthly_tokens == step.figures.monthly_tokens:
        return step
    return allowance_granted(
        replace(step, figures=replace(step.figures, monthly_tokens=monthly_tokens)), tokens=monthly_tokens
    )


def allowance_granted(step: Step, *, tokens: int) -> Step:
    """Let the allowance of this period be another one, but not less than is used; new room repays overage."""
    figures = step.figures
    granted = max(tokens, figures.allowance_used)
    delta = granted - figures.allowance_granted
    if not delta:
        return step
    repaid = min(figures.overage, granted - figures.allowance_used)
    changed = replace(
        figures,
        allowance_granted=granted,
        allowance_used=figures.allowance_used + repaid,
        overage=figures.overage - repaid,
    )
    details = {"plan": figures.plan_id, "granted": granted, "overage_repaid": repaid}
    key = f"plan:{figures.entries + 1}"
    return _posted(step, changed, kind="plan_change", tokens=delta, key=key, details=details)


def expired(step: Step, now: dt.datetime) -> Step:
    """Take away what is left of each lot whose time has come."""
    due = [lot for lot in step.figures.lots if lot.remaining and lot.expires_at and lot.expires_at <= now]
    for lot in sorted(due, key=lambda lot: (lot.expires_at, lot.lot_id)):
        left = tuple(
            replace(other, remaining=0) if other.lot_id == lot.lot_id else other for other in step.figures.lots
        )
        poorer = replace(step.figures, lots=left)
        step = _posted(
            step,
            poorer,
            kind="credit_expiry",
            tokens=-lot.remaining,
            key=f"expiry:{lot.lot_id}",
            details={"lot_id": str(lot.lot_id)},
        )
    return step


def _drawn(lots: tuple[Lot, ...], tokens: int) -> tuple[tuple[Lot, ...], dict[UUID, int]]:
    """Take tokens from lots in their turn. Returns the lots after it, and what was taken from which."""
    after: list[Lot] = []
    takings: dict[UUID, int] = {}
    for lot in sorted(lots, key=lambda lot: lot.turn):
        taken = min(tokens - sum(takings.values()), lot.remaining)
        if taken:
            takings[lot.lot_id] = taken
        after.append(replace(lot, remaining=lot.remaining - taken))
    return tuple(after), takings


def _posted(
    before: Step,
    after: Figures,
    *,
    kind: PostingKind,
    tokens: int,
    key: str,
    details: Mapping[str, object],
) -> Step:
    """The step with one more posting, which leads to the figures ``after``."""
    figures = replace(after, entries=before.figures.entries + 1)
    posting = Posting(
        kind=kind,
        tokens=tokens,
        allowance_after=figures.allowance_left,
        credits_after=figures.credits_remaining,
        overage_after=figures.overage,
        key=key,
        details=details,
    )
    return Step(figures, (*before.postings, posting))
