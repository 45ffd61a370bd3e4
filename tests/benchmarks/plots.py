"""The measurements as pictures: SVG, the same bytes for the same figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.hashsalt": "solaris",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "figure.facecolor": "white",
    }
)

from matplotlib.axes import Axes  # noqa: E402 - after the choice of what draws
from matplotlib.figure import Figure  # noqa: E402

from . import blocking, growth, ledger, memory, pages, proxy  # noqa: E402
from .contenders import NATIVE, SOLARIS, STOCK  # noqa: E402

Draw = Callable[[Figure], None]

_PLUGIN, _OTHER, _LINE = "#1b6ca8", "#c98a1b", "#555555"


def save(draw: Draw, path: Path, *, width: float = 8.0, height: float = 3.6) -> None:
    """Draw a picture into a file; inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    draw(figure)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _bars(axes: Axes, labels: Sequence[str], series: Sequence[tuple[str, str, Sequence[float]]]) -> None:
    thickness = 0.8 / len(series)
    for number, (name, colour, values) in enumerate(series):
        places = [place + (number - (len(series) - 1) / 2) * thickness for place in range(len(labels))]
        axes.barh(places, values, thickness, label=name, color=colour)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()


def of_proxy(outcomes: Sequence[proxy.Outcome]) -> Draw:
    """Latency and CPU of the plugin and of LiteLLM's own budgets, as ratios to neither."""

    def draw(figure: Figure) -> None:
        """Two sets of bars."""
        labels = [str(outcome.scenario) for outcome in outcomes]
        pair = figure.subplots(1, 2, sharey=True)
        for axes, figure_of, title in zip(pair, ("p50", "proxy_cpu"), ("p50", "proxy's CPU time"), strict=True):
            series = [
                (which.name, colour, [outcome.compare(figure_of, which, STOCK).ratio for outcome in outcomes])
                for which, colour in ((SOLARIS, _PLUGIN), (NATIVE, _OTHER))
            ]
            _bars(axes, labels, series)
            axes.axvline(1, color=_LINE, linewidth=0.8)
            axes.set_xlim(0.8, max(1.3, *(value for _, _, values in series for value in values)) + 0.02)
            axes.set_title(f"{title}, times that of stock LiteLLM")
            axes.grid(axis="x", linewidth=0.3)
        pair[0].legend(loc="lower right", frameon=False)

    return draw


def of_ledger(outcomes: Sequence[ledger.Outcome]) -> Draw:
    """Pairs a second of each client."""

    def draw(figure: Figure) -> None:
        """A set of bars for many accounts and for one."""
        for axes, outcome in zip(figure.subplots(1, len(outcomes), squeeze=False)[0], outcomes, strict=True):
            names = [contender.name for contender in outcome.blocks]
            rates = [statistics.median(each.pairs_per_second for each in blocks) for blocks in outcome.blocks.values()]
            _bars(axes, names, [("pairs/s", _PLUGIN, rates)])
            axes.set_title(f"hold + settle a second, {outcome.accounts:,} account{'s' if outcome.accounts > 1 else ''}")
            axes.grid(axis="x", linewidth=0.3)

    return draw


def of_growth(outcome: growth.Outcome) -> Draw:
    """Times by number of accounts."""

    def draw(figure: Figure) -> None:
        """A line for each thing that was done."""
        axes = figure.subplots()
        for what, by_size in outcome.blocks.items():
            sizes = sorted(by_size)
            medians = [statistics.median(by_size[size]) for size in sizes]
            axes.plot(sizes, [each / medians[0] for each in medians], marker="o", markersize=3, label=what)
        axes.axhline(1.2, color=_LINE, linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("accounts, each with ten entries")
        axes.set_ylabel("p50, times that of the smallest books")
        axes.legend(fontsize=7, ncols=2, frameon=False)
        axes.grid(linewidth=0.3)

    return draw


def of_pages(outcome: pages.Outcome) -> Draw:
    """Times of each page, whole."""

    def draw(figure: Figure) -> None:
        """A bar for each page."""
        axes = figure.subplots()
        whole = {page.title: took for page, took in outcome.rendered.items() if not page.is_file}
        axes.barh(list(whole), [statistics.median(took) for took in whole.values()], color=_PLUGIN)
        axes.axvline(pages.GOAL_MS, color=_LINE, linewidth=0.8, linestyle="--")
        axes.tick_params(labelsize=5)
        axes.invert_yaxis()
        axes.set_xlabel("p50 in ms")

    return draw


def of_blocking(outcome: blocking.Outcome) -> Draw:
    """The longest time without a turn by kind of prompt, and the goal."""

    def draw(figure: Figure) -> None:
        """One box a kind, the first one on top."""
        axes = figure.subplots()
        names = list(outcome.prompts)[::-1]
        axes.boxplot([list(outcome.prompts[each]) for each in names], orientation="horizontal", tick_labels=names)
        axes.axvline(blocking.GOAL_MILLISECONDS, color=_PLUGIN, linestyle="--")
        axes.set_xlabel("longest time without a turn, ms")
        axes.grid(axis="x", linewidth=0.3)

    return draw


def of_memory(outcome: memory.Outcome) -> Draw:
    """Memory by requests."""

    def draw(figure: Figure) -> None:
        """One line, from zero."""
        axes = figure.subplots()
        requests = sorted(outcome.resident)
        axes.plot(requests, [outcome.resident[each] / 1024 for each in requests], marker="o", color=_PLUGIN)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("requests")
        axes.set_ylabel("resident, MiB")
        axes.grid(linewidth=0.3)

    return draw
