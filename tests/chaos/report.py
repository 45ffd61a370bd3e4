"""The results of a campaign as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.report import table
from tests.chaos.checks import Tally

_ROWS = (
    ("processes killed", "kills"),
    ("requests that the provider served", "requests"),
    ("tokens that it says it served", "tokens"),
    ("requests booked with its own figure", "exact"),
    ("requests booked by estimate", "estimated"),
    ("of these, answered and reported", "answered_estimated"),
    ("requests refused while the books were away", "refused"),
    ("overage, booked as such (tokens)", "overage"),
    ("**requests lost**", "lost"),
    ("**requests booked twice**", "double"),
    ("**tokens of overshoot**", "overshoot"),
)


_BEGIN, _END = "<!-- results -->", "<!-- end of results -->"


def page(
    command: str,
    machine: Mapping[str, str],
    results: Mapping[str, Tally],
    faults: Counter[str],
    seconds: float,
    *,
    failed: Sequence[str],
) -> str:
    """The results, in Markdown: each part and mode, and the totals of the run."""
    total = Tally()
    for each in results.values():
        total.add(each)
    columns = {**results, "**all**": total}
    lines = [
        f"`{command}`, {seconds / 60:.0f} minutes.",
        "",
        f"**{total.kills:,} processes killed, {total.requests:,} requests served, {total.tokens:,} tokens.**",
        f"**{total.lost:,} lost, {total.double:,} booked twice, {total.overshoot:,} tokens of overshoot.**",
        "",
        *(f"**{part} failed** before its end: see the output of the run." for part in failed),
        "",
        *(f"* {name}: {value}" for name, value in machine.items()),
        "",
        *table(
            ["", *columns], [[said, *(f"{getattr(each, name):,}" for each in columns.values())] for said, name in _ROWS]
        ),
        "",
        *table(["fault", "times"], [[f"`{name}`", str(count)] for name, count in sorted(faults.items())]),
        "",
    ]
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Put the results of a run into a page, between its markers."""
    before, _, rest = path.read_text("utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    path.write_text(f"{before}{_BEGIN}\n\n{text}\n{_END}{after}", "utf-8")
