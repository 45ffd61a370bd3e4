"""The use of a period set back to zero."""

from __future__ import annotations

from dataclasses import replace

from solaris_hooks.quota.figures import Figures, Posting, Step


def reset(figures: Figures, *, key: str) -> Step:
    """The full allowance again: what was used of it is granted back, and what is owed is forgiven.

    Credits that were used stay used, but count no longer as use of this period. No posting where nothing was used.

    Args:
        figures: the account as of now.
        key: the reset's idempotency key.
    """
    tokens = figures.allowance_used + figures.overage
    if not tokens + figures.credits_used:
        return Step(figures)
    fresh = replace(figures, allowance_used=0, credits_used=0, overage=0, entries=figures.entries + 1)
    posting = Posting(
        kind="reset",
        tokens=tokens,
        allowance_after=fresh.allowance_left,
        credits_after=fresh.credits_remaining,
        overage_after=0,
        key=f"reset:{key}",
        details={
            "allowance_used": figures.allowance_used,
            "credits_used": figures.credits_used,
            "overage_forgiven": figures.overage,
        },
    )
    return Step(fresh, (posting,))
