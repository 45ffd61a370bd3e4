"""A step of the books: figures, and the posting that leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from solaris_hooks.quota.figures import Figures, Posting, PostingKind, Step


def posted(
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
