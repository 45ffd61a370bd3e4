"""The section on administrators' pages, as Markdown."""

from __future__ import annotations

import statistics

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
            f"* the job adds {outcome.calls_a_second:,.0f} calls a second to the totals; a round with nothing new",
            f"takes {outcome.round_ms:.0f} ms",
        ),
    ]
    rows = []
    for what, took in outcome.took.items():
        median = statistics.median(took)
        met = "met" if median <= pages.GOAL_MS else "missed"
        rows.append([what, f"{median:.1f}", f"{percentile(took, 95):.1f}", met])
    lines += table(["page", "p50 in ms", "p95 in ms", f"goal {pages.GOAL_MS:.0f} ms"], rows)
    return "\n".join(lines)
