"""Lanes: the order in which the rows of a batch are written, and how far each of them is.

A batch may need more rows than one transaction holds. Cut by records, its hot rows would be written
once in every transaction; so it is cut by rows. Every row has a place in one fixed order (its
lane), and a transaction carries all that the batch adds to a stretch of that order. How far the
rows are is then a step function over the order: up to some lane they hold all records up to
position P, from there on up to Q. Between batches it is flat; inside a batch it has one step; only
crashes, and batches that are cut differently when they are delivered again, give it more, and the
next complete batch levels it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

END = "~"
"""After every lane: they begin with a hexadecimal digit."""

_HASH_BYTES = 6


def group_lane(group: str) -> str:
    """The lane where a group's rows begin. Groups of one name in several tallies share it."""
    # A hash, since a group itself may be 2,000 bytes long, and the boundary is stored.
    return blake2b(group.encode(), digest_size=_HASH_BYTES).hexdigest()


def row_lane(group: str, tally: str, window: str) -> str:
    """The lane of one row."""
    return f"{group_lane(group)}/{tally}/{window}"


class Run(NamedTuple):
    """A stretch of lanes that are equally far: from `start` to before `end`."""

    start: str
    end: str
    position: str
    """The last record that all of its rows hold; empty when they hold none."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the rows are in a shard's records."""

    position: str = ""
    """Of the last run."""
    ahead: Sequence[tuple[str, str]] = ()
    """(end of a run, its position) for all runs but the last, in the order of lanes."""

    @property
    def runs(self) -> list[Run]:
        """The whole order of lanes, as runs."""
        ends = [*self.ahead, (END, self.position)]
        starts = ["", *(end for end, _ in ends)]
        return [
            Run(start, end, position) for start, (end, position) in zip(starts, ends, strict=False)
        ]

    @property
    def least(self) -> str:
        """The position up to which all rows hold all records."""
        return min(run.position for run in self.runs)

    def moved(self, end: str, to: str) -> "Progress":
        """The progress once all lanes before `end` hold the records up to `to`.

        Lanes that were further already stay where they are.
        """
        runs: list[Run] = []
        for run in self.runs:
            for start, stop in pairwise(_cut(run.start, run.end, end)):
                position = max(run.position, to) if stop <= end else run.position
                if runs and runs[-1].position == position:
                    start = runs.pop().start
                runs.append(Run(start, stop, position))
        return Progress(runs[-1].position, tuple((run.end, run.position) for run in runs[:-1]))

    def run_of(self, lane: str) -> int:
        """The index of the run that a lane lies in."""
        return bisect_right([end for end, _ in self.ahead], lane)

    def dump(self) -> str:
        """All runs but the last, as text; empty when all lanes are equally far."""
        return " ".join(f"{end}:{position}" for end, position in self.ahead)

    @classmethod
    def load(cls, position: str, ahead: str) -> "Progress":
        """Undo `dump`."""
        runs = (run.rpartition(":") for run in ahead.split(" ") if run)
        return cls(position, tuple((end, at) for end, _, at in runs))


def _cut(start: str, end: str, at: str) -> list[str]:
    return [start, at, end] if start < at < end else [start, end]
