"""The results of a campaign as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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


def page(
    command: str, machine: Mapping[str, str], results: Mapping[str, Tally], faults: Counter[str], seconds: float
) -> str:
    """The results, in Markdown."""
    total = Tally()
    for each in results.values():
        total.add(each)
    columns = {**results, "all": total}
    lines = [
        f"`{command}`, {seconds / 60:.0f} minutes.",
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


def write(path: Path, name: str, text: str) -> None:
    """Put the results of a part into a page, between its markers."""
    begin, end = f"<!-- results: {name} -->", f"<!-- end of results: {name} -->"
    before, _, rest = path.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", "utf-8")
