"""Credits granted, taken back and expired."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

from solaris_hooks.quota.figures import Figures, Lot, Step
from solaris_hooks.quota.rules.posting import posted


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
    return posted(Step(figures), richer, kind="credit", tokens=lot.remaining, key=f"credit:{key}", details=details)


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
    return posted(
        Step(figures), poorer, kind="credit_revocation", tokens=-tokens, key=f"revocation:{key}", details=details
    )


def expired(step: Step, now: dt.datetime) -> Step:
    """Take away what is left of each lot whose time has come."""
    due = [lot for lot in step.figures.lots if lot.remaining and lot.expires_at and lot.expires_at <= now]
    for lot in sorted(due, key=lambda lot: (lot.expires_at, lot.lot_id)):
        left = tuple(
            replace(other, remaining=0) if other.lot_id == lot.lot_id else other for other in step.figures.lots
        )
        poorer = replace(step.figures, lots=left)
        step = posted(
            step,
            poorer,
            kind="credit_expiry",
            tokens=-lot.remaining,
            key=f"expiry:{lot.lot_id}",
            details={"lot_id": str(lot.lot_id)},
        )
    return step
