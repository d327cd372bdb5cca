"""The study as two pictures: how stale the tallies are, and how full their fullest limit is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from benchmarks.scale.report.table import fullest, rate
from benchmarks.scale.settings import BEST, COUNTER_SHARDS, DEFAULT, OLDER

STYLE: dict[Any, Any] = {  # the keys of matplotlib's own type are a list of all its settings
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "svg.fonttype": "path",
    "svg.hashsalt": "tallies",  # the same picture is the same file
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#333333",
    "axes.facecolor": "white",
    "figure.facecolor": "white",  # on a dark page, too
    "text.color": "#333333",
    "axes.labelcolor": "#333333",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
}
SIZE_INCHES = (7.2, 6.2)
FAINT = "#dddddd"
RATES = {0.081: "7,000\na day", 1: "1", 100: "100", 1e4: "10,000", 1e6: "1 million"}
SECONDS = {0.5: "0.5 s", 1: "1 s", 3: "3 s", 10: "10 s", 30: "30 s", 100: "100 s"}
SHARES = {0.001: "0.1 %", 0.01: "1 %", 0.1: "10 %", 1.0: "100 %"}
BREAKS_ON = {
    "index": "index partition full",
    "item": "hot partition full",
    "conflicts": "conflicts on rows",
    "processor": "processor full",
    "shard": "shards out of time",
}


class Line(NamedTuple):
    """How one step of the ladder is drawn."""

    colour: str
    """Of Okabe and Ito's, which are told apart with any kind of colour vision."""
    label: str
    staleness_at: tuple[float, float]
    """Where its label is in the one picture, in data coordinates."""
    limits_at: tuple[float, float]
    """And in the other."""


LINES = {
    DEFAULT.name: Line("#D55E00", "default", (350_000, 0.95), (4_000, 3.0)),
    BEST.name: Line("#0072B2", "best of the product", (15_000, 27), (400_000, 9)),
    OLDER.name: Line("#009E73", "the older default", (60, 45), (80, 9)),
    COUNTER_SHARDS.name: Line(
        "#AA4499", "counters in parts\n(not in the product)", (250_000, 60), (250_000, 0.035)
    ),
}
"""Those of the ladder that are drawn."""


def _drawn(study: Mapping[str, Any]) -> list[tuple[Line, Mapping[str, Any]]]:
    return [
        (LINES[each["settings"]], each) for each in study["ladder"] if each["settings"] in LINES
    ]


def staleness(study: Mapping[str, Any], path: Path) -> None:
    """Draw p50 and p99 of staleness over writes a second, on log axes.

    The kind of file (SVG, PNG) is that of the path's ending.
    """
    with mpl.rc_context(STYLE):
        figure, axes = _axes("How old the tallies are: median (thick) and p99", SECONDS)
        axes.set_ylim(0.45, 120)
        for depth, (line, each) in enumerate(_drawn(study)):
            points = each["points"]
            p99 = [point["p99_seconds"] for point in points]
            p50 = [point["p50_seconds"] for point in points]
            _draw(axes, points, p50, line.colour, 3.0, depth)
            _draw(axes, points, p99, line.colour, 1.3, depth)
            _mark(axes, each, p99[-1], line, line.staleness_at)
        _save(figure, path)


def limits(study: Mapping[str, Any], path: Path) -> None:
    """Draw how full the fullest partition, row or processor is over writes a second, log axes."""
    with mpl.rc_context(STYLE):
        figure, axes = _axes("How full the fullest partition, row or processor is", SHARES)
        axes.set_ylim(1e-3, 25)
        axes.axhline(1, color="#333333", linewidth=1, linestyle=(0, (4, 3)))
        for depth, (line, each) in enumerate(_drawn(study)):
            full = [fullest(point) for point in each["points"]]
            _draw(axes, each["points"], full, line.colour, 2.4, depth)
            _mark(axes, each, full[-1], line, line.limits_at)
        _save(figure, path)


def _axes(title: str, heights: Mapping[float, str]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=14)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.05, 5e6)
    axes.set_xlabel("writes a second")
    for axis, ticks in ((axes.xaxis, RATES), (axes.yaxis, heights)):
        axis.set_major_locator(FixedLocator(list(ticks)))
        axis.set_major_formatter(FuncFormatter(lambda at, _, ticks=ticks: ticks.get(at, "")))
        axis.set_minor_locator(FixedLocator([]))
    axes.grid(visible=True, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _draw(
    axes: Axes,
    points: Sequence[Mapping[str, Any]],
    heights: Sequence[float],
    colour: str,
    width: float,
    depth: int,
) -> None:
    """A line; where lines meet, the one that breaks first is on top."""
    rates = [point["writes_a_second"] for point in points]
    axes.plot(rates, heights, color=colour, linewidth=width, zorder=4 - depth * 0.1)


def _mark(
    axes: Axes, each: Mapping[str, Any], height: float, line: Line, place: tuple[float, float]
) -> None:
    """The end of a line, with what it is and why it ends there."""
    at = each["carries"]["writes_a_second"]
    axes.plot(
        [at],
        [height],
        marker="X" if each["fails"] else "o",
        markersize=11,
        color=line.colour,
        markeredgecolor="white",
        zorder=5,
    )
    why = f"{rate(at)}/s: {BREAKS_ON[each['binding']]}" if each["fails"] else "carries 1 million/s"
    axes.annotate(
        f"{line.label}\n{why.replace(': ', chr(10))}",
        (at, height),
        xytext=place,
        color=line.colour,
        ha="center",
        va="center",
        fontsize=12,
        fontweight="bold",
        zorder=6,
        arrowprops={"arrowstyle": "-", "color": line.colour, "linewidth": 0.8, "shrinkB": 7},
    )


def _save(figure: Figure, path: Path) -> None:
    kind = path.suffix.removeprefix(".")
    # A date would make the same picture another file.
    figure.savefig(path, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else {})
