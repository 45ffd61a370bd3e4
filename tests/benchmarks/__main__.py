"""Run the benchmarks: ``python -m tests.benchmarks [WHAT]... [--quick] [--write]``; ``--help`` lists them."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg

from deploy.local.checkout import ROOT, say
from deploy.local.errors import LocalError
from deploy.local.postgres import EmbeddedPostgres, start_postgres, stop_postgres
from deploy.local.state import State

from . import blocking, growth, growth_report, ledger, memory, pages, pages_report, plots, proxy, report
from .machine import commit_milliseconds

REPORT = ROOT / "docs" / "benchmarks.md"
PICTURES = "images/benchmark-{}.svg"
MINUTES = {"proxy": 20, "ledger": 4, "growth": 5, "pages": 10, "blocking": 2, "memory": 2}
"""What each takes, about, on the machine of the published figures."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print the report and, if asked, write it into the documentation."""
    options = _options(arguments)
    command = " ".join(["make bench", f'ARGS="{" ".join(arguments)}"' if arguments else ""]).strip()
    sections: dict[str, str] = {}
    try:
        # A server that keeps what it has said is kept, as in production: its speed is a part of the result.
        with tempfile.TemporaryDirectory(prefix="solaris-bench-") as made, _server(Path(made)) as server:
            folder = Path(made)
            for name in options.what or report.SECTIONS:
                if not options.quick:
                    say(f"{name}: about {MINUTES[name]} minutes")
                text, draw = _section(name, server, folder, options, command)
                picture = PICTURES.format(name)
                if options.write:
                    plots.save(draw, REPORT.parent / picture)
                sections[name] = f"{text}\n\n![{report.TITLES[name]}]({picture})"
                sys.stdout.write(f"\n{sections[name]}\n")
                sys.stdout.flush()
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.write:
        report.write(REPORT, sections)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[[], *report.SECTIONS], help="default: everything")
    parser.add_argument("--quick", action="store_true", help="one short block each: to see that it works, not to know")
    parser.add_argument("--write", action="store_true", help=f"put the results into {REPORT.relative_to(ROOT)}")
    parser.add_argument("--blocks", type=int, help="blocks of each contender; more where the machine is not quiet")
    parser.add_argument("--accounts", type=int, help="accounts of the ledger's first half (10,000)")
    parser.add_argument("--idle-hooks", action="store_true", help="measure a plugin that does nothing, too")
    return parser.parse_args(arguments)


def _section(
    name: str, server: EmbeddedPostgres, folder: Path, options: argparse.Namespace, command: str
) -> tuple[str, plots.Draw]:
    circumstances = report.Circumstances(
        command=command,
        postgres=_describe(server),
        commit_milliseconds=commit_milliseconds(folder),
        load_before=os.getloadavg(),
    )
    if name == "proxy":
        effort = proxy.QUICK if options.quick else proxy.FULL
        effort = replace(effort, blocks=options.blocks or effort.blocks)
        outcomes = proxy.measure(server, folder, effort, idle_hooks=options.idle_hooks)
        return report.proxy_report(outcomes, circumstances, effort), plots.of_proxy(outcomes)
    if name == "growth":
        books = growth.QUICK if options.quick else growth.FULL
        books = replace(books, blocks=options.blocks or books.blocks)
        grown = growth.measure(server, books)
        return growth_report.report(grown, circumstances, books), plots.of_growth(grown)
    if name == "pages":
        shown = pages.QUICK if options.quick else pages.FULL
        asked = pages.measure(server, shown)
        return pages_report.report(asked, circumstances, shown), plots.of_pages(asked)
    if name == "blocking":
        turns = blocking.measure(server, folder, blocking.QUICK if options.quick else blocking.FULL)
        return blocking.report(turns, circumstances), plots.of_blocking(turns)
    if name == "memory":
        requests = memory.QUICK if options.quick else memory.FULL
        resident = memory.measure(server, folder, requests)
        return memory.report(resident, circumstances), plots.of_memory(resident)
    pairs = ledger.QUICK if options.quick else ledger.FULL
    pairs = replace(pairs, blocks=options.blocks or pairs.blocks, accounts=options.accounts or pairs.accounts)
    rates = ledger.measure(server, folder, pairs)
    return report.ledger_report(rates, circumstances, pairs), plots.of_ledger(rates)


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[EmbeddedPostgres]:
    state = State.open(folder / "postgres")
    server = start_postgres(state, durable=True)
    try:
        yield server
    finally:
        if server.service is not None:
            server.service.stop()
        stop_postgres(state)


def _describe(server: EmbeddedPostgres) -> str:
    with psycopg.connect(server.url()) as connection:
        settings = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchall()[0][0]
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        }
    version = settings.pop("server_version")
    return f"{version}, durable ({', '.join(f'{name} {value}' for name, value in settings.items())})"


def _end(number: int, _frame: object) -> None:
    """Leave through every `finally`, so that what was started is stopped."""
    sys.exit(128 + number)


for _signal in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_signal, _end)
sys.exit(main(sys.argv[1:]))
