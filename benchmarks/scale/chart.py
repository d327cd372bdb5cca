"""The study as two pictures: how stale the tallies are, and how full their fullest limit is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from benchmarks.scale.table import fullest, rate

# Okabe and Ito's colours: told apart with any kind of colour vision.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")
INK = "#333333"
FAINT = "#dddddd"
STYLE: dict[Any, Any] = {  # the keys of matplotlib's own type are a list of all its settings
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "svg.fonttype": "path",
    "svg.hashsalt": "tallies",  # the same picture is the same file
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
SIZE_INCHES = (7.2, 6.0)
BREAKS_ON = {
    "index": "index partition full",
    "item": "hot partition full",
    "conflicts": "conflicts on rows",
    "shard": "shards out of time",
}
SHORT = ("default", "32 ranking shards", "+ big batches", "+ counter shards\n(not in the product)")


def staleness(study: Mapping[str, Any], path: Path) -> None:
    """Draw p50 and p99 of staleness over writes a second."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("How old the tallies are")
        axes.set_yscale("log")
        axes.set_ylim(0.4, 150)
        ticks = {0.5: "0.5 s", 1: "1 s", 3: "3 s", 10: "10 s", 30: "30 s", 100: "100 s"}
        axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: ticks.get(y, "")))
        axes.yaxis.set_minor_locator(FixedLocator([]))
        for colour, each in zip(COLOURS, study["ladder"], strict=False):
            rates = [point["writes_a_second"] for point in each["points"]]
            p50 = [point["p50_seconds"] for point in each["points"]]
            p99 = [point["p99_seconds"] for point in each["points"]]
            axes.fill_between(rates, p50, p99, color=colour, alpha=0.12, linewidth=0)
            axes.plot(rates, p50, color=colour, linewidth=2.2)
            axes.plot(rates, p99, color=colour, linewidth=1.2)
            _mark_break(axes, each, p99[-1], colour)
        _save(figure, path)


def limits(study: Mapping[str, Any], path: Path) -> None:
    """Draw how full the fullest partition or row is over writes a second."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("How full the fullest partition or row is")
        axes.set_yscale("log")
        axes.set_ylim(1e-3, 2.5)
        ticks = {0.001: "0.1 %", 0.01: "1 %", 0.1: "10 %", 1.0: "100 %"}
        axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: ticks.get(y, "")))
        axes.yaxis.set_minor_locator(FixedLocator([]))
        axes.axhline(1, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        for colour, each in zip(COLOURS, study["ladder"], strict=False):
            rates = [point["writes_a_second"] for point in each["points"]]
            full = [fullest(point) for point in each["points"]]
            axes.plot(rates, full, color=colour, linewidth=2.2)
            _mark_break(axes, each, full[-1], colour)
        _save(figure, path)


def _axes(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=14)
    axes.set_xscale("log")
    axes.set_xlim(0.05, 3e6)
    axes.set_xlabel("writes a second")
    ticks = {0.081: "7,000\na day", 1: "1", 100: "100", 1e4: "10,000", 1e6: "1 million"}
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: ticks.get(x, "")))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.grid(visible=True, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _mark_break(axes: Axes, each: Mapping[str, Any], height: float, colour: str) -> None:
    at = each["carries"]["writes_a_second"]
    if each["fails"]:
        axes.plot([at], [height], marker="X", markersize=11, color=colour, markeredgecolor="white")
        text = f"{rate(at)}/s"
    else:
        axes.plot([at], [height], marker="o", markersize=8, color=colour, markeredgecolor="white")
        text = "1 million/s"
    axes.annotate(
        text, (at, height), xytext=(0, 10), textcoords="offset points", color=colour,
        ha="center", fontsize=11, fontweight="bold",
    )  # fmt: skip


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(
        path,
        format=path.suffix[1:],
        metadata={"Date": None} if path.suffix == ".svg" else None,
        dpi=110,
    )
