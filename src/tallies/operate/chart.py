"""What all charts have in common: where they may go, how they are saved, and their colours."""

from pathlib import Path
from typing import Any

from tallies.core.errors import InvalidInput

KINDS = (".svg", ".png")
COLOURS = ("#0072B2", "#D55E00", "#6B6B6B", "#009E73")
"""Distinguishable for colour-blind people, too (Okabe and Ito's palette)."""


def check_chart(file: Path) -> None:
    """Check that a chart can be drawn there.

    Raises:
        InvalidInput: it cannot.
    """
    if file.suffix not in KINDS:
        raise InvalidInput(f"A chart is {' or '.join(KINDS)}; {file} is neither.")
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {file.parent} for the chart; make it first.")
    new_figure(1, 1)


def new_figure(width: float, height: float) -> Any:
    """An empty figure, its size in inches.

    Raises:
        InvalidInput: matplotlib is missing.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InvalidInput(
            "A chart needs the package matplotlib; install tallies[charts]."
        ) from None
    mpl.rcParams["svg.hashsalt"] = "tallies"
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    return Figure(figsize=(width, height))


def save(figure: Any, file: Path) -> None:
    """Write a figure into its file.

    Raises:
        InvalidInput: the file is of another kind or cannot be written.
    """
    check_chart(file)
    # No date: the same figures give the same file.
    metadata = {"Date": None} if file.suffix == ".svg" else None
    try:
        figure.savefig(file, bbox_inches="tight", dpi=150, metadata=metadata)
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be written: {error.strerror or error}; name another file."
        ) from error
