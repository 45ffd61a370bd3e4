"""The section on administrators' pages, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from . import filling, pages
from .figures import percentile
from .report import Circumstances, joined, table


def report(outcome: pages.Outcome, circumstances: Circumstances, effort: pages.Effort) -> str:
    """A table, and what it says."""
    calls = effort.accounts * (effort.calls + filling.CALLS)
    lines = [*circumstances.lines(outcome.neighbours)]
    lines += [
        joined(
            f"* {effort.accounts:,} accounts, {calls:,} rows of usage over {pages.DAYS} days and {pages.MODELS}",
            f"models, made in {outcome.seconds_to_fill:.0f} s; each page asked for {effort.times} times by one client",
        ),
        joined(
            f"* {effort.further.refusals:,} refusals, {effort.further.changes:,} changes in the audit trail,",
            f"{effort.further.messages:,} events with a message each, {effort.further.requests:,} requests for credits",
        ),
        joined(
            f"* the job adds {outcome.calls_a_second:,.0f} calls a second to the totals; a round with nothing new",
            f"takes {outcome.round_ms:.0f} ms",
        ),
    ]
    lines += ["", "What pages read from the books:", *table(_HEADER, [_row(*each) for each in outcome.took.items()])]
    whole = [_row(page.title, took, has_goal=not page.is_file) for page, took in outcome.rendered.items()]
    lines += ["Whole pages, from the request to the last byte of HTML, and files:", *table(_HEADER, whole)]
    return "\n".join(lines)


_HEADER = ["page", "p50 in ms", "p95 in ms", f"goal {pages.GOAL_MS:.0f} ms"]


def _row(what: str, took: Sequence[float], *, has_goal: bool = True) -> list[str]:
    median = statistics.median(took)
    met = "met" if median <= pages.GOAL_MS else "missed"
    return [what.replace("|", "\\|"), f"{median:.1f}", f"{percentile(took, 95):.1f}", met if has_goal else "a file"]
