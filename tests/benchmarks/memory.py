"""Memory of the plugin's hooks after few and after many requests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.checkout import ROOT, say
from deploy.local.errors import LocalError
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database

from .machine import Neighbours
from .report import Circumstances, table

FULL = (1_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000)
QUICK = (200, 1_000, 2_000)
GOAL = 1.05
_TOO_LONG_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Outcome:
    """Kilobytes resident, by requests so far."""

    resident: Mapping[int, int]
    seconds: float
    neighbours: float


def measure(server: EmbeddedPostgres, folder: Path, marks: Sequence[int]) -> Outcome:
    """Run requests in a process of their own.

    Raises:
        LocalError: it failed.
    """
    say(f"measuring memory: {marks[-1]:,} requests through the hooks")
    place = folder / "memory"
    place.mkdir()
    env = {**os.environ, "DATABASE_URL": fresh_database(server), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "tests.benchmarks.hooked", str(place), *map(str, marks)]
    began, look = time.monotonic(), Neighbours.now()
    done = subprocess.run(
        argv, cwd=ROOT, env=env, text=True, capture_output=True, check=False, timeout=_TOO_LONG_SECONDS
    )
    if done.returncode != 0:
        raise LocalError(f"the hooks failed ({done.stderr.strip()[-500:]})", "see the message above")
    lines = [line.split() for line in done.stdout.splitlines() if line[:1].isdecimal()]
    resident = {int(requests): int(kilobytes) for requests, kilobytes in lines}
    return Outcome(resident, time.monotonic() - began, Neighbours.now().share_since(look))


def report(outcome: Outcome, circumstances: Circumstances) -> str:
    """The section on memory."""
    requests = sorted(outcome.resident)
    base = 10_000 if 10_000 in outcome.resident else requests[0]
    grown = outcome.resident[requests[-1]] / outcome.resident[base]
    lines = [*circumstances.lines([outcome.neighbours])]
    lines.append(
        f"* the hooks run as LiteLLM runs them, with LiteLLM imported, 20 requests at once of 2,000 users, on "
        f"PostgreSQL, but without HTTP and without LiteLLM's own work, whose memory is not ours to bound; "
        f"{outcome.seconds:.0f} s"
    )
    lines += table(
        ["after requests", "resident, MiB", f"against {base:,}"],
        [
            [
                f"{each:,}",
                f"{outcome.resident[each] / 1024:.1f}",
                f"{outcome.resident[each] / outcome.resident[base]:.3f}",
            ]
            for each in requests
        ],
    )
    verdict = "met" if grown <= GOAL else "**missed**"
    lines.append(f"* After {requests[-1]:,} requests {grown - 1:+.1%} against {base:,} (goal at most 5%: {verdict}).")
    return "\n".join(lines)
