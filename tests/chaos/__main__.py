"""Hurt everything, for minutes: ``make chaos ARGS="--seed 7 --write"``."""

from __future__ import annotations

import argparse
import logging
import random
import secrets
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from tests.benchmarks.machine import hardware
from tests.chaos import month, proxies, report
from tests.chaos.campaign import FAULTS, ROOT, arena, play
from tests.chaos.checks import Tally

Results = tuple[dict[str, Tally], Counter[str]]

PAGE = ROOT / "docs" / "chaos.md"


def main(arguments: Sequence[str]) -> int:
    """Play rounds until the time is up, print the tables and, if asked, write them into the documentation."""
    options = _options(arguments)
    logging.basicConfig(level=logging.ERROR)
    for part in options.parts or PARTS:
        command = f'make chaos ARGS="{part} --seed {options.seed} --minutes {options.minutes:g}"'
        print(command, flush=True)  # noqa: T201 - whoever sees a failure needs the seed
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="solaris-chaos-") as made:
            results, faults = PARTS[part](Path(made), options)
        text = report.page(command, hardware(), results, faults, time.monotonic() - began)
        sys.stdout.write(text)
        if options.write:
            report.write(PAGE, part, text)
    return 0


def _proxies(folder: Path, options: argparse.Namespace) -> Results:
    began = time.monotonic()
    results: dict[str, Tally] = {}
    faults: Counter[str] = Counter()
    for fail_open in (False, True):
        name = _mode(fail_open=fail_open)
        outcome = proxies.play(folder / name, options.seed, fail_open=fail_open)
        results[name] = outcome
        faults += outcome.faults
        _tell(name, outcome, began)
    return results, faults


def _workers(folder: Path, options: argparse.Namespace) -> Results:
    previous = _previous_release(folder / "previous", options.previous)
    choice = random.Random(options.seed)
    began = time.monotonic()
    results: dict[str, Tally] = {}
    faults: Counter[str] = Counter()
    for fail_open in (False, True):
        name = _mode(fail_open=fail_open)
        end = began + options.minutes * 60 * (1.0 if fail_open else 0.5)
        with arena(folder / name, choice.getrandbits(32)) as place:
            place.previous_release = previous
            number = 0
            while time.monotonic() < end:
                # Each fault once, in another order each time.
                for fault in choice.sample(FAULTS, len(FAULTS)):
                    if number and time.monotonic() > end:
                        break
                    results[name] = play(place, number, [fault], fail_open=fail_open)
                    number += 1
                    _tell(f"{name}, round {number}, {fault.__name__}", results[name], began)
            faults += place.faults
    return results, faults


def _month(folder: Path, options: argparse.Namespace) -> Results:
    outcome = month.play(folder, options.seed)
    return {"a month of some users": outcome}, outcome.faults


PARTS = {"proxies": _proxies, "workers": _workers, "month": _month}


def _mode(*, fail_open: bool) -> str:
    return "fail_open" if fail_open else "fail_closed"


def _tell(name: str, tally: Tally, began: float) -> None:
    sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {name}: {tally}\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10_000), help="chooses the faults and their times"
    )
    parser.add_argument("--minutes", type=float, default=20, help="how long for the workers, about")
    parser.add_argument("--previous", default="4992d94", help="commit of the release before this one")
    parser.add_argument("--write", action="store_true", help=f"put the results into {PAGE.relative_to(ROOT)}")
    return parser.parse_args(arguments)


def _previous_release(folder: Path, commit: str) -> Path | None:
    """The package as it was, or None where this checkout has no history."""
    archive = subprocess.run(["git", "archive", commit, "solaris_hooks"], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        return None
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
