"""What counting costs a month from a thousand favorites to a hundred million, computed.

    python -m benchmarks.cost_at_scale docs/cost-at-scale.svg

Nothing of it runs anywhere: it is the model of `tallies plan`, whose write units the tests hold
against the real apply. Each favorite is written within a year; restaurants are 10^2 to 10^7.
"""

import sys
from pathlib import Path

from tallies.operate.chart import COLOURS, new_figure, save
from tallies.operate.plan.designs import DESIGNS, Bill
from tallies.operate.plan.prices import read_prices
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.workload.folding import Zipf
from tallies.operate.plan.workload.load import Load

FAVORITES = [10 ** (exponent / 2) for exponent in range(6, 17)]
RESTAURANTS = (100, 10_000, 10_000_000)


def main(file: Path) -> None:
    """Draw the chart."""
    setting = Setting()
    bill = Bill(setting, read_prices("us-east-1"))
    figure = new_figure(11, 3.8)
    panels = figure.subplots(1, len(RESTAURANTS), sharey=True)
    for panel, restaurants in zip(panels, RESTAURANTS, strict=True):
        for make, colour in zip(DESIGNS, COLOURS, strict=True):
            loads = [
                Load(writes_a_day=favorites / 365, favorites=favorites, restaurants=restaurants)
                for favorites in FAVORITES
            ]
            designs = [make(load, Zipf(load, setting.ranking), setting, bill) for load in loads]
            width = 4 if make is DESIGNS[0] else 1.8  # others may lie upon it
            style = "--" if designs[0].staleness_seconds > 3600 else "-"
            costs = [max(design.total, 0.01) for design in designs]
            panel.plot(
                FAVORITES, costs, style, color=colour, linewidth=width, label=designs[0].name
            )
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_title(f"{restaurants:,} restaurants", fontsize=10, loc="left")
        panel.set_xlabel("favorites, made within a year", fontsize=9)
        panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
        panel.tick_params(labelsize=8)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    panels[0].set_ylabel("USD a month (computed)", fontsize=9)
    panels[0].legend(fontsize=8, frameon=False, loc="upper left")
    figure.tight_layout()
    save(figure, file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
