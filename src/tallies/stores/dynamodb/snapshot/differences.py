"""Differences: each row of the tallies beside what it should be."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from tallies.core.amounts import negated, plus
from tallies.core.errors import UnknownWindow
from tallies.core.fold import Folder
from tallies.core.tally import Number
from tallies.stores.dynamodb.snapshot.spill import Cell
from tallies.stores.dynamodb.snapshot.views import View
from tallies.stores.placing import load


class Compared(NamedTuple):
    """A row beside what it should be, as of the moment when it was read."""

    group: str
    window: str
    expected: tuple[Number, ...]
    actual: tuple[Number, ...]

    @property
    def difference(self) -> tuple[Number, ...]:
        """What is to be added to the row."""
        return plus(self.expected, negated(self.actual))


def compare(
    cells: Iterator[Cell], views: Sequence[View], folder: Folder, now: datetime
) -> Iterator[Compared]:
    """Compare all rows that were read. Those of windows that are no longer kept are left out."""
    tally = folder.tally.name
    for cell in cells:
        if cell.view is None or _is_over(folder, cell.window, now):
            continue
        view = views[cell.view]
        expected = cell.expected
        for late in cell.late:
            applied = view.has((cell.group, cell.window), tally, late.shard, late.position)
            if late.counted and not applied:
                expected = plus(expected, negated(load(late.amounts)))
            elif applied and not late.counted:
                expected = plus(expected, load(late.amounts))
        if any(expected) or any(cell.actual):
            yield Compared(cell.group, cell.window, expected, cell.actual)


def _is_over(folder: Folder, window: str, now: datetime) -> bool:
    try:
        end = folder.expiry(window)
    except UnknownWindow:  # planted by hand
        return False
    return end is not None and end <= now
