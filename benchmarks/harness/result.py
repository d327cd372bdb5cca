"""What a benchmark hands back: a value of ours, that of a peer, and the bound on their ratio."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Size = Literal["quick", "usual", "full"]
"""A look; what `make bench` measures; all sizes that are spoken of."""


class Bound(NamedTuple):
    """What the judged number must not be above (`<=`) or below (`>=`)."""

    sense: Literal["<=", ">="]
    limit: float
    of: Literal["ratio", "ours", "difference"] = "ratio"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. Without a bound it is told, win or lose, and judged by nobody."""

    what: str
    unit: str
    ours: float
    peer_name: str = ""
    peer: float | None = None
    ratio: float | None = None
    """Median over the rounds of ours / peer; near the ratio of the medians, but steadier."""
    bound: Bound | None = None
    higher_is_better: bool = False

    def judged(self) -> float | None:
        """The number that the bound is about."""
        if self.bound is None:
            return None
        match self.bound.of:
            case "ratio":
                return self.ratio
            case "difference":
                return None if self.peer is None else self.ours - self.peer
            case "ours":
                return self.ours

    def passed(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        value = self.judged()
        if self.bound is None or value is None:
            return None
        return value <= self.bound.limit if self.bound.sense == "<=" else value >= self.bound.limit


@dataclass(frozen=True, slots=True)
class Run:
    """What a benchmark is given."""

    size: Size
    folder: Path
    """An empty folder of its own, removed afterwards."""
    note: Callable[[str], None]
    """Tells the reader what the numbers cannot: a peer that is not installed, a smaller size."""

    def pick(self, full: int, quick: int, usual: int | None = None) -> int:
        """The size for this run; `usual` where less shows the same."""
        match self.size:
            case "quick":
                return quick
            case "usual":
                return full if usual is None else usual
            case "full":
                return full


Benchmark = Callable[[Run], Iterator[Result]]
