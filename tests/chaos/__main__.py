"""Hurt everything, for minutes: ``make chaos ARGS="--seed 7 --minutes 25 --write"``."""

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
from tests.chaos import proxies, report
from tests.chaos.campaign import FAULTS, ROOT, arena, play
from tests.chaos.checks import Tally

PAGE = ROOT / "docs" / "chaos.md"


def main(arguments: Sequence[str]) -> int:
    """Play rounds until the time is up, print the table and, if asked, write it into the documentation."""
    options = _options(arguments)
    logging.basicConfig(level=logging.ERROR)
    command = f'make chaos ARGS="--seed {options.seed} --minutes {options.minutes}"'
    print(command, flush=True)  # noqa: T201 - whoever sees a failure needs the seed
    began = time.monotonic()
    results: dict[str, Tally] = {}
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="solaris-chaos-") as made:
        folder = Path(made)
        if not options.no_proxies:
            for fail_open in (False, True):
                name = f"stock proxies, {'fail_open' if fail_open else 'fail_closed'}"
                outcome = proxies.play(folder / name.replace(" ", "-"), options.seed, fail_open=fail_open)
                results[name] = outcome
                faults += outcome.faults
                _tell(name, results[name], began)
        previous = _previous_release(folder / "previous", options.previous)
        choice = random.Random(options.seed)
        until = began + options.minutes * 60
        for fail_open in (False, True):
            name = f"workers on the ledger, {'fail_open' if fail_open else 'fail_closed'}"
            half = until if fail_open else time.monotonic() + (until - time.monotonic()) / 2
            with arena(folder / name.replace(" ", "-"), choice.getrandbits(32)) as place:
                place.previous_release = previous
                number = 0
                while number == 0 or time.monotonic() < half:
                    chosen = list(FAULTS)
                    choice.shuffle(chosen)
                    for fault in chosen:
                        if number and time.monotonic() > half:
                            break
                        results[name] = play(place, number, [fault], fail_open=fail_open)
                        number += 1
                        _tell(f"{name}, round {number}, {fault.__name__}", results[name], began)
                faults += place.faults
    text = report.page(command, hardware(), results, faults, time.monotonic() - began)
    sys.stdout.write(text)
    if options.write:
        report.write(PAGE, text)
    return 0


def _tell(name: str, tally: Tally, began: float) -> None:
    sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {name}: {tally}\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10_000), help="chooses the faults and their times"
    )
    parser.add_argument("--minutes", type=float, default=25, help="how long, about")
    parser.add_argument("--no-proxies", action="store_true", help="leave out the rounds with stock proxies")
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
