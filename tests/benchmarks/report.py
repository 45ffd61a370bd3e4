"""The measurements as Markdown: tables, and what they say in sentences that the figures decide."""

from __future__ import annotations

import datetime as dt
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import ledger, proxy
from .contenders import IDLE, NATIVE, SOLARIS, STOCK, Contender
from .figures import Comparison, percentile
from .machine import hardware

GOAL_ADDED_MILLISECONDS = 1.0
GOAL_ADDED_CPU = 1.05
GOAL_OF_PGBENCH = 0.5
BUSY_NEIGHBOURS = 0.10
FEWEST_BLOCKS = 4
CLEAR_MAJORITY = 0.75
"""A goal counts as met, or missed, if this part of the blocks agree."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under what the figures of one benchmark came about."""

    command: str
    postgres: str
    """Version and settings of PostgreSQL."""
    commit_milliseconds: float
    load_before: tuple[float, float, float]

    def lines(self, neighbours: Sequence[float]) -> Iterator[str]:
        """Everything that somebody needs who wants to compare."""
        after = os.getloadavg()
        yield f"* command: `{self.command}`, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
        for name, value in hardware().items():
            yield f"* {name}: {value}"
        yield f"* PostgreSQL: {self.postgres}"
        yield f"* disk: 8 kB are durable after {self.commit_milliseconds:.2f} ms (median of `fdatasync` before the run)"
        yield (
            f"* load average before {self.load_before[0]:.1f}, after {after[0]:.1f}; other processes used "
            f"{sorted(neighbours)[len(neighbours) // 2]:.0%} of the processors in the median block, "
            f"{max(neighbours):.0%} at the most"
        )
        if sorted(neighbours)[len(neighbours) // 2] > BUSY_NEIGHBOURS:
            yield ""
            yield (
                "**The machine was not quiet: trust the ratios, which were taken in turns, more than the absolute "
                "figures, and neither beyond their spread.**"
            )


def joined(*parts: str) -> str:
    """One line of its parts."""
    return " ".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table: text to the left, figures to the right."""
    yield ""
    yield f"| {' | '.join(header)} |"
    yield f"| --- |{' ---: |' * (len(header) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def proxy_report(outcomes: Sequence[proxy.Outcome], circumstances: Circumstances, effort: proxy.Effort) -> str:
    """The section on the proxy."""
    lines = [*circumstances.lines([share for outcome in outcomes for share in outcome.neighbours])]
    blocks = ", ".join(f"{effort.blocks_of(each)} of {each.requests} ({each})" for each in effort.scenarios)
    lines += [
        joined(
            "* each figure: the median of so many blocks of so many requests, in turns, there and back (A B B A):",
            f"{blocks}; every connection has a user and a key of its own, with an ample balance",
        ),
        "",
        "Ratios, with the plugin / without (in brackets: the least and the greatest of neighbouring blocks):",
    ]
    lines += _proxy_ratios(outcomes, SOLARIS, STOCK)
    lines.append("With the plugin / with LiteLLM's own budgets on key and user in its place:")
    lines += _proxy_ratios(outcomes, SOLARIS, NATIVE)
    lines.append("Absolute figures, without the plugin → with it → with LiteLLM's own budgets (times in milliseconds):")
    lines += _proxy_figures(outcomes)
    if any(IDLE in outcome.blocks for outcome in outcomes):
        lines.append("A plugin whose hooks do nothing, against no plugin: what LiteLLM spends on calling any plugin.")
        lines += _proxy_ratios(outcomes, IDLE, STOCK)
    lines += [f"* {sentence}" for outcome in outcomes for sentence in _proxy_sentences(outcome)]
    return "\n".join(lines)


def _proxy_ratios(outcomes: Sequence[proxy.Outcome], other: Contender, base: Contender) -> Iterator[str]:
    figures = {
        "requests/s": "requests_per_second",
        "p50": "p50",
        "p95": "p95",
        "p99": "p99",
        "proxy CPU": "proxy_cpu",
    }
    rows = [
        [str(outcome.scenario), *(str(outcome.compare(figure, other, base)) for figure in figures.values())]
        for outcome in outcomes
    ]
    return table(["load", *figures], rows)


def _proxy_figures(outcomes: Sequence[proxy.Outcome]) -> Iterator[str]:
    figures = {
        "requests/s": "requests_per_second",
        "p50": "p50",
        "p95": "p95",
        "p99": "p99",
        "first byte p50": "first_p50",
        "proxy CPU": "proxy_cpu",
    }
    # These work in bursts, so that the median block says nothing.
    bursts = {"engine CPU (mean)": "engine_cpu", "PostgreSQL CPU (mean)": "postgres_cpu"}

    def listed(outcome: proxy.Outcome, figure: str, average: Callable[[Sequence[float]], float]) -> str:
        shown = (
            average([getattr(each, figure) for each in outcome.blocks[which]]) for which in (STOCK, SOLARIS, NATIVE)
        )
        return " → ".join(f"{each:.1f}" for each in shown)

    rows = [
        [
            str(outcome.scenario),
            *(listed(outcome, figure, statistics.median) for figure in figures.values()),
            *(listed(outcome, figure, statistics.mean) for figure in bursts.values()),
        ]
        for outcome in outcomes
    ]
    return table(["load", *figures, *bursts], rows)


def _proxy_sentences(outcome: proxy.Outcome) -> Iterator[str]:
    latency, cpu = outcome.compare("p50"), outcome.compare("proxy_cpu")
    added = sorted(other - base for base, other in zip(latency.base, latency.other, strict=True))
    dearer = [other / base for base, other in zip(cpu.base, cpu.other, strict=True)]
    with_all, without = outcome.whole_cpu[SOLARIS], outcome.whole_cpu[STOCK]
    yield joined(
        f"{outcome.scenario}: the plugin adds {latency.difference:+.2f} ms to the p50 (blocks {added[0]:+.2f} to",
        f"{added[-1]:+.2f}, the middle half {percentile(added, 25):+.2f} to {percentile(added, 75):+.2f}; goal at most",
        f"{GOAL_ADDED_MILLISECONDS:.0f} ms: {verdict([each <= GOAL_ADDED_MILLISECONDS for each in added])}) and",
        f"{cpu.difference:+.2f} ms or {cpu.ratio - 1:+.0%} to the proxy's CPU time of a request (goal at most",
        f"{GOAL_ADDED_CPU - 1:.0%}: {verdict([each <= GOAL_ADDED_CPU for each in dearer])}). With Prisma's engine and",
        f"all background work of the scenario: {without:.2f} → {with_all:.2f} ms, {with_all / without - 1:+.0%}.",
    )
    yield joined(
        f"{outcome.scenario}: against LiteLLM's own budgets, p50 {_cheaper(outcome, 'p50')}, the proxy's CPU time",
        f"{_cheaper(outcome, 'proxy_cpu')} (goal: less).",
    )


def _cheaper(outcome: proxy.Outcome, figure: str) -> str:
    against = outcome.compare(figure, SOLARIS, NATIVE)
    each = [other / base for base, other in zip(against.base, against.other, strict=True)]
    return f"{against.ratio - 1:+.0%}: {verdict([ratio < 1 for ratio in each])}"


def verdict(within: Sequence[bool]) -> str:
    """Whether a goal was reached, from whether each block reached it."""
    if len(within) < FEWEST_BLOCKS:
        return "too few blocks to say"
    share = sum(within) / len(within)
    if share >= CLEAR_MAJORITY:
        return "met"
    return "**missed**" if share <= 1 - CLEAR_MAJORITY else "**not decided: blocks differ by more than the goal**"


def ledger_report(outcomes: Sequence[ledger.Outcome], circumstances: Circumstances, effort: ledger.Effort) -> str:
    """The section on the ledger."""
    lines = [*circumstances.lines([share for outcome in outcomes for share in outcome.neighbours])]
    lines += [
        joined(
            f"* {ledger.CLIENTS} clients; each figure: the median of {effort.blocks} blocks of {effort.seconds:g} s,",
            "in turns, there and back; the ledger's client is one Python process on uvloop, pgbench one thread with",
            "prepared statements and a connection for each client; both run beside PostgreSQL, on the same processors",
        ),
    ]
    for outcome in outcomes:
        lines += ["", f"### {_accounts(outcome)}"]
        lines += _ledger_table(outcome)
        lines += [f"* {sentence}" for sentence in _ledger_sentences(outcome)]
    return "\n".join(lines)


def _accounts(outcome: ledger.Outcome) -> str:
    return "One hot account" if outcome.accounts == 1 else f"{outcome.accounts:,} accounts, drawn at random"


def _ledger_table(outcome: ledger.Outcome) -> Iterator[str]:
    rows = []
    for contender, blocks in outcome.blocks.items():
        against = outcome.compare("pairs_per_second", contender) if ledger.PGBENCH in outcome.blocks else None
        rates = sorted(block.pairs_per_second for block in blocks)
        rows.append(
            [
                contender.name,
                f"{_median(blocks, 'pairs_per_second'):.0f} ({rates[0]:.0f}..{rates[-1]:.0f})",
                str(against) if against is not None and contender is not ledger.PGBENCH else "-",
                f"{_median(blocks, 'pair_p50'):.1f} / {_median(blocks, 'pair_p99'):.1f}",
                _latency(blocks, "hold"),
                _latency(blocks, "settle"),
                f"{_median(blocks, 'client_cpu'):.2f}",
            ]
        )
    header = ["client", "pairs/s", "of pgbench", "pair p50 / p99", "hold p50 / p99", "settle p50 / p99", "client CPU"]
    return table([*header[:3], *(f"{name}, ms" for name in header[3:])], rows)


def _median(blocks: Sequence[ledger.Measured], figure: str) -> float:
    return float(statistics.median(getattr(block, figure) for block in blocks))


def _latency(blocks: Sequence[ledger.Measured], phase: str) -> str:
    found = [each for block in blocks if (each := getattr(block, phase)) is not None]
    if not found:
        return "-"
    p50, p99 = (statistics.median(each[place] for each in found) for place in (0, 1))
    return f"{p50:.1f} / {p99:.1f}"


def _ledger_sentences(outcome: ledger.Outcome) -> Iterator[str]:
    shipped = outcome.blocks[ledger.SHIPPED]
    if ledger.PGBENCH in outcome.blocks:
        rates = outcome.compare("pairs_per_second", ledger.SHIPPED)
        each = [other / base for base, other in zip(rates.base, rates.other, strict=True)]
        yield (
            f"As shipped, one process reaches {rates.ratio:.0%} of pgbench's rate "
            f"(goal at least {GOAL_OF_PGBENCH:.0%}: {verdict([ratio >= GOAL_OF_PGBENCH for ratio in each])})."
        )
    cpu = _median(shipped, "client_cpu")
    yield (
        f"The client itself needs {cpu:.2f} ms of CPU for a pair, so no tuning of PostgreSQL lets one process do more "
        f"than {1000 / cpu:.0f} pairs/s here."
    )
    if ledger.NO_LANES in outcome.blocks:
        free = [block.pairs_per_second for block in outcome.blocks[ledger.NO_LANES]]
        bound = Comparison(free, [block.pairs_per_second for block in shipped])
        low, high = bound.spread
        yield (
            f"Bounding each account's statements to {ledger.SHIPPED.lanes} at a time: {bound.other_median:.0f} pairs/s "
            f"with the bound, {bound.base_median:.0f} without; block by block {low:.2f} to {high:.2f} times as many"
            f"{', so this run cannot tell them apart.' if low < 1 < high else '.'}"
        )


TITLES = {
    "proxy": "The proxy with the plugin, against the same without",
    "ledger": "The ledger alone",
    "growth": "Few accounts and many",
    "pages": "Pages for administrators",
    "blocking": "The event loop's turns",
    "memory": "Memory",
}
SECTIONS = tuple(TITLES)


def write(path: Path, sections: Mapping[str, str]) -> None:
    """Put measured sections into the file, in place of what was measured before; leave all else as it is."""
    text = path.read_text("utf-8") if path.exists() else "# Benchmarks\n"
    for name, content in sections.items():
        begin, end = f"<!-- measured: {name} -->", f"<!-- end of measured: {name} -->"
        before, found, rest = text.partition(begin)
        after = rest.partition(end)[2]
        if not found:
            before = f"{text.rstrip()}\n\n## {TITLES[name]}\n\n"
            after = "\n"
        text = f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"
    path.write_text(text, "utf-8")
