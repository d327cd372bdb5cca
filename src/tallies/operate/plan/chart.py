"""The chart: what each design costs over writes a day, with its crossovers."""

from pathlib import Path
from typing import Any

from tallies.operate.chart import COLOURS, new_figure, save
from tallies.operate.plan.designs import DESIGNS, Bill
from tallies.operate.plan.plan import Plan, cost_at, grid
from tallies.operate.plan.workload.folding import growth


def draw(plan: Plan, file: Path) -> None:
    """Draw a plan into an SVG or PNG file.

    Raises:
        InvalidInput: the file is of another kind or cannot be written, or matplotlib is missing.
    """
    figure = new_figure(8.5, 5)
    axes = figure.subplots()
    bill = Bill(plan.setting, plan.prices)
    grow = growth(plan.load, plan.setting.ranking)
    points = [at for at in grid() if at <= 1e9]
    ends = []
    for make, design, colour in zip(DESIGNS, plan.designs, COLOURS, strict=True):
        cost = cost_at(grow, plan.setting, bill, make)
        costs = [cost(at) for at in points]
        dashes = (0, (4, 2)) if design.staleness_seconds > 3600 else "solid"
        axes.plot(points, costs, color=colour, linewidth=2.2, linestyle=dashes)
        ends.append((costs[-1], design.name, colour))
    _label(axes, points[-1], ends)
    for crossover in plan.crossovers:
        if points[0] < crossover.writes_a_day < points[-1]:
            make = next(
                make
                for make, design in zip(DESIGNS, plan.designs, strict=True)
                if design.name == crossover.cheaper
            )
            height = cost_at(grow, plan.setting, bill, make)(crossover.writes_a_day)
            axes.plot(crossover.writes_a_day, height, "o", color="black", markersize=6, zorder=5)
            axes.annotate(
                f"{float(f'{crossover.writes_a_day:.2g}'):,.0f}",
                (crossover.writes_a_day, height),
                xytext=(-7, 6),
                textcoords="offset points",
                ha="right",
                fontsize=9,
            )
    axes.axvline(plan.load.writes_a_day, color="black", linewidth=0.8, linestyle=":")
    axes.annotate(
        f"planned: {plan.load.writes_a_day:,.0f}",
        (plan.load.writes_a_day, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -14),
        textcoords="offset points",
        fontsize=9,
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(points[0], points[-1])
    axes.set_xlabel("writes a day")
    axes.set_ylabel("USD a month")
    axes.set_title(
        f"What counting costs, {plan.prices.region}, {plan.load.restaurants:,.0f} restaurants"
        " (dashed: a day stale)",
        loc="left",
        fontsize=11,
    )
    axes.grid(visible=True, which="major", color="#DDDDDD", linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save(figure, file)


def _label(axes: Any, at: float, ends: list[tuple[float, str, str]]) -> None:
    """Label the lines at their right ends, without overlaps."""
    last = 0.0
    for cost, name, colour in sorted(ends):
        height = max(cost, last * 1.9)
        axes.annotate(
            name,
            (at, height),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            fontsize=10,
            va="center",
            annotation_clip=False,
        )
        last = height
