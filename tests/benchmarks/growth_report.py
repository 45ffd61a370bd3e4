"""The section on growth, as Markdown."""

from __future__ import annotations

import statistics

from . import filling, growth
from .report import Circumstances, joined, table, verdict

GOAL = 1.2


def report(outcome: growth.Outcome, circumstances: Circumstances, effort: growth.Effort) -> str:
    """Tables, and what they say."""
    smallest, largest = min(effort.sizes), max(effort.sizes)
    lines = [*circumstances.lines(outcome.neighbours)]
    times = ", ".join(f"{seconds:.0f} s ({size:,} accounts)" for size, seconds in outcome.seconds_to_fill.items())
    lines += [
        joined(
            f"* one client, one thing after the other; each figure: the median of {effort.blocks} blocks, each the",
            f"median of {effort.times}, in turns over the sizes, there and back; {growth.ACTIVE} accounts spread over",
            "all of them are asked about, so that each size works on as many rows",
        ),
        joined(
            f"* each account: {filling.ENTRIES} entries, {filling.CALLS} rows of usage, {filling.CALLS} days with",
            "totals, made by SQL without valid digests, which nothing here reads",
        ),
        f"* made in {times}",
    ]
    header = ["p50 in ms", *(f"{size:,} accounts" for size in effort.sizes), f"{largest:,} / {smallest:,}", "goal 1.2"]
    rows = []
    for what, by_size in outcome.blocks.items():
        against = outcome.compare(what, largest)
        each = [other / base for base, other in zip(against.base, against.other, strict=True)]
        rows.append(
            [
                what,
                *(f"{statistics.median(by_size[size]):.2f}" for size in effort.sizes),
                str(against),
                verdict([ratio <= GOAL for ratio in each]),
            ]
        )
    lines += table(header, rows)
    return "\n".join(lines)
