"""The chart of a comparison: how slow a write, how stale a count, what is wrong after kills."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tallies.core.errors import InvalidInput
from tallies.operate.chart import COLOURS, new_figure, save
from tallies.operate.compare.run import Outcome


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    """Draw outcomes into an SVG or PNG file.

    Raises:
        InvalidInput: the file is of another kind or cannot be written, or matplotlib is missing.
    """
    if not outcomes:
        raise InvalidInput("There is nothing to draw.")
    figure = new_figure(9, 3.4)
    panels = figure.subplots(1, 3, sharey=True)
    names = [outcome.design for outcome in outcomes][::-1]
    _bars(
        panels[0],
        "a write, p50 to p99 (ms)",
        [(o.write_p50_ms, o.write_p99_ms) for o in outcomes][::-1],
    )
    _bars(
        panels[1],
        "a count is behind, p50 to p99 (s)",
        [(max(o.stale_p50_seconds, 1e-3), max(o.stale_p99_seconds, 1e-3)) for o in outcomes][::-1],
    )
    panels[0].set_xlim(left=0)
    panels[1].set_xscale("log")
    wrong = [outcome.wrong for outcome in outcomes][::-1]
    colours = [COLOURS[1] if count else COLOURS[0] for count in wrong]
    panels[2].barh(range(len(wrong)), wrong, color=colours, height=0.5)
    for place, count in enumerate(wrong):
        panels[2].annotate(
            f"{count:,}",
            (count, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    panels[2].set_xlabel("counts wrong after kills", fontsize=9)
    panels[2].margins(x=0.2)
    panels[0].set_yticks(range(len(names)), names, fontsize=9)
    for panel in panels:
        panel.tick_params(labelsize=8, length=0, axis="y", labelleft=panel is panels[0])
        panel.tick_params(labelsize=8, axis="x")
        for side in ("top", "right", "left"):
            panel.spines[side].set_visible(False)
        panel.grid(visible=True, axis="x", color="#E5E5E5", linewidth=0.8)
        panel.set_axisbelow(True)
    figure.tight_layout()
    save(figure, file)


def _bars(panel: Any, title: str, spans: Sequence[tuple[float, float]]) -> None:
    for place, (middle, late) in enumerate(spans):
        panel.plot([middle, late], [place, place], color=COLOURS[2], linewidth=3, alpha=0.5)
        panel.plot(middle, place, "o", color=COLOURS[0], markersize=7)
    panel.set_xlabel(title, fontsize=9)
