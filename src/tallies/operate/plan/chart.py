"""The chart: what each design costs over writes a day, with its crossovers."""

from pathlib import Path
from typing import Any

from tallies.core.errors import InvalidInput
from tallies.operate.plan.designs import DESIGNS, Bill
from tallies.operate.plan.plan import Plan, cost_at, grid

KINDS = (".svg", ".png")
# Told apart by people who see colours otherwise, too (Okabe and Ito's palette).
COLOURS = ("#0072B2", "#D55E00", "#6B6B6B", "#009E73")


def draw(plan: Plan, file: Path) -> None:
    """Draw a plan into an SVG or PNG file.

    Raises:
        InvalidInput: the file is of another kind or cannot be written, or matplotlib is missing.
    """
    check_chart(file)
    figure, axes = _figure()
    bill = Bill(plan.setting, plan.prices)
    points = [at for at in grid() if at <= 1e9]
    ends = []
    for make, design, colour in zip(DESIGNS, plan.designs, COLOURS, strict=True):
        cost = cost_at(plan.load, plan.setting, bill, make)
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
            height = cost_at(plan.load, plan.setting, bill, make)(crossover.writes_a_day)
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
    try:
        figure.savefig(
            file,
            bbox_inches="tight",
            dpi=150,
            metadata={"Date": None} if file.suffix == ".svg" else None,
        )
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be written: {error.strerror or error}; name another file."
        ) from error


def check_chart(file: Path) -> None:
    """See that a chart can be drawn there.

    Raises:
        InvalidInput: it cannot.
    """
    if file.suffix not in KINDS:
        raise InvalidInput(f"A chart is {' or '.join(KINDS)}; {file} is neither.")
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {file.parent} for the chart; make it first.")


def _figure() -> tuple[Any, Any]:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InvalidInput(
            "A chart needs the package matplotlib; install tallies[charts]."
        ) from None
    mpl.rcParams["svg.hashsalt"] = "tallies"
    figure = Figure(figsize=(8.5, 5))
    return figure, figure.subplots()


def _label(axes: Any, at: float, ends: list[tuple[float, str, str]]) -> None:
    """Name the lines at their right ends, none over another."""
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
