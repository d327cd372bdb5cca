"""Differences: each row of the tallies beside what it should be."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from tallies.core.amounts import negated, plus
from tallies.core.errors import UnknownWindow
from tallies.core.fold import Folder
from tallies.core.tally import Number
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.snapshot.read.held import Held
from tallies.stores.dynamodb.snapshot.read.held import load as load_held
from tallies.stores.dynamodb.snapshot.read.views import View
from tallies.stores.dynamodb.snapshot.spill.spill import Cell
from tallies.stores.placing import load


class Compared(NamedTuple):
    """A row beside what it should be, as of the moment when it was read."""

    group: str
    window: str
    expected: tuple[Number, ...]
    actual: tuple[Number, ...]
    held: Held
    """Its own positions, if it holds them."""

    @property
    def difference(self) -> tuple[Number, ...]:
        """What is to be added to the row."""
        return plus(self.expected, negated(self.actual))


class Noted(NamedTuple):
    """What is known of the shards, for rows that hold their own positions."""

    slots: Mapping[str, Slot]
    positions: Mapping[str, str]
    """Up to where all rows should hold a shard's records: a row that does not never gets them."""

    def holds(self, held: Held, shard: str, position: str) -> bool:
        """Whether a row has a record of a shard, or should have it."""
        if position <= self.positions.get(shard, ""):
            return True
        slot = self.slots.get(shard)
        if slot is None:
            return False
        at = slot.held(held)
        return at is None or position <= at


def compare(
    cells: Iterator[Cell],
    views: Sequence[View],
    noted: Noted,
    folder: Folder,
    now: datetime,
) -> Iterator[Compared]:
    """Compare all rows that were read. Those of windows that are no longer kept are left out.

    `views` say what rows held that have no positions of their own; other rows say it themselves,
    beyond what is noted.
    """
    tally = folder.tally.name
    for cell in cells:
        if cell.view is None or is_over(folder, cell.window, now):
            continue
        held = load_held(cell.held) if cell.held else {}
        expected = cell.expected
        for late in cell.late:
            if views:
                view = views[cell.view]
                applied = view.has((cell.group, cell.window), tally, late.shard, late.position)
            else:
                applied = noted.holds(held, late.shard, late.position)
            if late.counted and not applied:
                expected = plus(expected, negated(load(late.amounts)))
            elif applied and not late.counted:
                expected = plus(expected, load(late.amounts))
        if any(expected) or any(cell.actual):
            yield Compared(cell.group, cell.window, expected, cell.actual, held)


def is_over(folder: Folder, window: str, now: datetime) -> bool:
    """Whether a window is no longer kept."""
    try:
        end = folder.expiry(window)
    except UnknownWindow:  # planted by hand
        return False
    return end is not None and end <= now
