"""From what a request held to what it used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from solaris_hooks.quota.figures import Figures, Lot, Step
from solaris_hooks.quota.ids import MemberId
from solaris_hooks.quota.rules.posting import posted


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
    step = posted(
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
        step = posted(
            step,
            owing,
            kind="overage",
            tokens=-rest,
            key=f"overage:{hold_id}",
            details={"hold_id": str(hold_id)} | ({} if member_id is None else {"member": member_id}),
        )
    return Booking(step, rest)


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
