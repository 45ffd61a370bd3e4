"""How long the plugin keeps the event loop from its turn, with prompts of all kinds.

The hooks run as LiteLLM calls them, in a process of their own on PostgreSQL, while another task takes every turn that
it can get and looks at the clock: the longest time between two of its turns is what a request of somebody else would
have waited for, be it that the hooks had the turn or that a thread of theirs had Python's lock. LiteLLM's own work,
which blocks for far longer with long prompts, is not there.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.checkout import ROOT, say
from deploy.local.errors import LocalError
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database

from .machine import Neighbours
from .report import Circumstances, table

FULL = 40
QUICK = 3
"""Requests of each kind."""

GOAL_MILLISECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The longest time without a turn, in milliseconds, of each request by kind of prompt.

    Attributes:
        nothing: the same without any request: what the machine itself does.
    """

    nothing: Sequence[float]
    prompts: Mapping[str, Sequence[float]]
    neighbours: float


def measure(server: EmbeddedPostgres, folder: Path, times: int) -> Outcome:
    """Run the process that measures.

    Args:
        server: where its database is made.
        folder: for its journal and log.
        times: requests of each kind.

    Raises:
        LocalError: it failed.
    """
    say(f"measuring the event loop's turns, {times} requests for each kind of prompt")
    before = Neighbours.now()
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.turns", str(folder), str(times)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": fresh_database(server), "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        capture_output=True,
        text=True,
        check=False,
    )
    neighbours = Neighbours.now().share_since(before)
    if ran.returncode:
        raise LocalError(f"the hooks failed:\n{ran.stderr[-2000:]}", "see what they say")
    found: dict[str, list[float]] = json.loads(ran.stdout.splitlines()[-1])
    return Outcome(found.pop(""), found, neighbours)


def report(outcome: Outcome, circumstances: Circumstances) -> str:
    """As Markdown."""
    lines = [*circumstances.lines([outcome.neighbours])]
    quiet = statistics.median(outcome.nothing)
    lines.append(
        "* the hooks run as LiteLLM runs them, on PostgreSQL, in one process on uvloop, while another task takes every "
        "turn that it can get; the longest time between two of its turns, request by request"
    )
    lines.append(
        f"* without any request that is {quiet:.2f} ms at the median of {len(outcome.nothing)} looks of 50 ms, and "
        f"{max(outcome.nothing):.2f} ms at the most: what the machine itself takes away"
    )
    rows = [
        [
            name,
            f"{statistics.median(each):.2f}",
            f"{max(each):.2f}",
            "met" if statistics.median(each) <= GOAL_MILLISECONDS else "**missed**",
        ]
        for name, each in outcome.prompts.items()
    ]
    lines += table(["prompt", "median, ms", "most, ms", f"median, goal {GOAL_MILLISECONDS:g} ms"], rows)
    return "\n".join(lines)
