"""What a request can hold, at first and while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.figures import Figures
from solaris_hooks.quota.share import Share


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
