"""What a design is: how it writes a favorite, and how its counts come about."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from tallies.favorites.favorite import Event, Favorite

Counts = Mapping[tuple[str, str], int]
"""(restaurant, window) to count."""

STREAM = "tallies"
NAIVE = "stream, no guard"
SECOND = "second write"
TOGETHER = "second write, in one"
SCAN = "daily scan"
NAMES = (STREAM, NAIVE, SECOND, TOGETHER, SCAN)


class Design(Protocol):
    """One way to keep counts. What is on the disk outlives the process."""

    in_background: bool
    """Whether counts are carried over after the writes, by `carry`."""
    write_units: float
    """What counting has written so far: units of DynamoDB, rows of SQLite."""
    read_units: float

    def write(self, event: Event) -> None:
        """Mark or unmark, as the application does; done when it returns."""

    def carry(self) -> int:
        """Carry some of what was written into the counts; how many records, 0 for none."""

    def counts(self) -> Counts: ...

    def favorites(self) -> Iterable[Favorite]:
        """The rows of the source."""

    def close(self) -> None: ...


def windows_of(created_at: str) -> tuple[str, str, str]:
    """All time, month and day."""
    return "all", created_at[:7], created_at[:10]


def wrong(design: Design) -> int:
    """How many counts differ from GROUP BY over the source."""
    truth: Counter[tuple[str, str]] = Counter()
    for row in design.favorites():
        truth.update((row.restaurant_id, window) for window in windows_of(row.created_at))
    counts = design.counts()
    places = truth.keys() | counts.keys()
    return sum(truth.get(place, 0) != counts.get(place, 0) for place in places)
