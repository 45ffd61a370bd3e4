"""Compare the rules and print, or write, what came out: ``python -m tests.fairness [--accounts N] [--write]``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from tests.fairness.rules import NativeRule, Rule, SolarisRule
from tests.fairness.simulation import simulate
from tests.fairness.truth import Tally
from tests.fairness.virtual_time import run

REPORT = Path(__file__).parents[2] / "docs" / "fair-holds.md"
_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"
SEED = 20261122


@dataclass(frozen=True, slots=True)
class Scene:
    """People on one account.

    Attributes:
        people: who chat at the same time.
        granted: tokens of the account.
    """

    name: str
    people: int
    granted: int


SCENES = (Scene("one person", 1, 20_000), Scene("20 people at once", 20, 100_000))
RULES: Sequence[tuple[str, Callable[[int], Rule]]] = (
    ("Solaris Hooks", SolarisRule),
    ("Solaris Hooks on its first day (nothing learned yet)", partial(SolarisRule, learned=False)),
    ("LiteLLM's budgets, by default", partial(NativeRule, fail_closed=False)),
    ("LiteLLM's budgets, `fail_closed_budget_enforcement`", partial(NativeRule, fail_closed=True)),
)


def main(arguments: Sequence[str]) -> int:
    """Simulate, and show the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.fairness", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100, help="accounts to use up, for each line of the table")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="put the table into docs/fair-holds.md")
    options = parser.parse_args(arguments)
    logging.disable(logging.ERROR)
    columns = ("would have been covered", "refused wrongly", "cut short wrongly", "wrong per 1,000", "beyond the grant")
    lines = [f"| who chats | rule | {' | '.join(columns)} |", "|---|---" + "|---:" * len(columns) + "|"]
    for scene in SCENES:
        for name, make in RULES:
            tally = run(
                simulate(make, granted=scene.granted, people=scene.people, accounts=options.accounts, seed=options.seed)
            )
            lines.append(_line(scene, name, tally))
            sys.stdout.write(f"{lines[-1]}\n")
            sys.stdout.flush()
    if options.write:
        text = REPORT.read_text("utf-8")
        before, _, rest = text.partition(_BEGIN)
        _, _, after = rest.partition(_END)
        command = f"make fairness (seed {options.seed}, {options.accounts} accounts for each line)"
        table = "\n".join(lines)
        REPORT.write_text(f"{before}{_BEGIN}\n`{command}`\n\n{table}\n{_END}{after}", "utf-8")
    return 0


def _line(scene: Scene, name: str, tally: Tally) -> str:
    covered = tally.served + tally.wrong
    return (
        f"| {scene.name}, {scene.granted:,} tokens | {name} | {covered:,} | {tally.refused_wrongly:,} "
        f"| {tally.cut_wrongly:,} | {tally.wrong_per_mille:.2f} | {tally.overshoot:,} |"
    )


sys.exit(main(sys.argv[1:]))
