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

_LOG = logging.getLogger(__name__)

PAGE = ROOT / "docs" / "chaos.md"


def main(arguments: Sequence[str]) -> int:
    """Play all parts in one go, print the tables and, if asked, write them into the documentation.

    A part that fails does not keep the others from their turn. Returns 1 if one has, or anything was lost.
    """
    options = _options(arguments)
    logging.basicConfig(level=logging.ERROR)
    parts = options.parts or list(PARTS)
    command = f'make chaos ARGS="{" ".join([*options.parts, f"--seed {options.seed} --minutes {options.minutes:g}"])}"'
    print(command, flush=True)  # noqa: T201 - whoever sees a failure needs the seed
    began = time.monotonic()
    options.ends = began + options.minutes * 60
    everything: dict[str, Tally] = {}
    faults: Counter[str] = Counter()
    failed: list[str] = []
    for part in parts:
        results: Results = {}, Counter()
        with tempfile.TemporaryDirectory(prefix="solaris-chaos-") as made:
            try:
                PARTS[part](Path(made), options, results)
            except Exception:  # noqa: BLE001 - the other parts have their turn all the same
                failed.append(part)
                _LOG.exception("%s: seed %d", part, options.seed)
        everything |= {f"{part}: {name}" if name != part else part: tally for name, tally in results[0].items()}
        faults += results[1]
    text = report.page(command, hardware(), everything, faults, time.monotonic() - began, failed=failed)
    sys.stdout.write(text)
    if options.write:
        report.write(PAGE, text)
    return int(bool(failed))


def _proxies(folder: Path, options: argparse.Namespace, results: Results) -> None:
    began = time.monotonic()
    tallies, faults = results
    for fail_open in (False, True):
        name = _mode(fail_open=fail_open)
        tallies[name] = outcome = proxies.Outcome()
        try:
            proxies.play(folder / name, options.seed, outcome, fail_open=fail_open)
        finally:
            faults.update(outcome.faults)
            _tell(f"proxies, {name}", outcome, began)


def _workers(folder: Path, options: argparse.Namespace, results: Results) -> None:
    """Each fault at least once, in either mode; then again and again until the time is up."""
    previous = _previous_release(folder / "previous", options.previous)
    choice = random.Random(options.seed)
    began = time.monotonic()
    tallies, faults = results
    for fail_open in (False, True):
        name = _mode(fail_open=fail_open)
        end = options.ends if fail_open else began + (options.ends - began) / 2
        with arena(folder / name, choice.getrandbits(32)) as place:
            place.previous_release = previous
            number = 0
            try:
                while number < len(FAULTS) or time.monotonic() < end:
                    # Each fault once, in another order each time.
                    for fault in choice.sample(FAULTS, len(FAULTS)):
                        if number >= len(FAULTS) and time.monotonic() > end:
                            break
                        found = play(place, number, [fault], fail_open=fail_open)
                        number += 1
                        _tell(f"workers, {name}, round {number}, {fault.__name__}", found, began)
            finally:
                tallies[name] = place.found
                faults.update(place.faults)


def _month(folder: Path, options: argparse.Namespace, results: Results) -> None:
    began = time.monotonic()
    tallies, faults = results
    tallies["month"] = outcome = proxies.Outcome()
    try:
        month.play(folder, options.seed, outcome)
    finally:
        faults.update(outcome.faults)
        _tell("month", outcome, began)


PARTS = {"proxies": _proxies, "month": _month, "workers": _workers}
"""In their order: the workers have the time that is left."""


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
    parser.add_argument(
        "--minutes", type=float, default=20, help="for all of it, about: workers are killed while any are left"
    )
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
