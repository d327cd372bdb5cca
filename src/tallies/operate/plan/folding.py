"""Folding: how many different rows a batch of records touches."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import expm1, log1p
from typing import Protocol

from tallies.core.errors import InvalidInput
from tallies.core.windows import Window
from tallies.favorites.favorite import Event
from tallies.operate.plan.load import Load

EXACT_RANKS = 100
"""Beyond, ranks are taken together in bands of two percent."""
SAME_DAY = 0.3
"""Removals that take out a favorite of the same day (assumed; `--from-events` looks)."""
SAME_MONTH = 0.6
MOST_CHUNKS = 40


@dataclass(frozen=True, slots=True)
class Touched:
    """The rows that a batch touches."""

    groups: float
    rows: float
    ranked: float
    """Those of them that are in a leaderboard."""


class Mix(Protocol):
    """What kind of records come."""

    def touched(self, records: float) -> Touched:
        """What a batch of so many records touches, on average."""

    @property
    def hottest(self) -> float:
        """The share of the most popular restaurant."""

    def of(self, load: Load) -> "Mix":
        """The same records, counted for another choice of windows."""


class Zipf:
    """Restaurants by Zipf's law; removals of older favorites touch windows of their own."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._bands = _bands(int(load.restaurants), load.skew)

    @property
    def hottest(self) -> float:
        return self._bands[0][0]

    def of(self, load: Load) -> "Zipf":
        return Zipf(load)

    def groups(self, records: float) -> float:
        """Different restaurants among so many records."""
        return _groups(int(self._load.restaurants), self._load.skew, records)

    def touched(self, records: float) -> Touched:
        groups = self.groups(records)
        gone = records * self._load.removals
        # A removal's own month and day: they meet those of new favorites, or nobody's.
        rows = {
            Window.ALL: groups,
            Window.YEAR: groups,
            Window.MONTH: self.groups(records - gone * (1 - SAME_MONTH)) + gone * (1 - SAME_MONTH),
        }
        fine = self.groups(records - gone * (1 - SAME_DAY)) + gone * (1 - SAME_DAY)
        of_window = {window: rows.get(window, fine) for window in self._load.windows}
        return Touched(
            groups,
            sum(of_window.values()),
            sum(of_window[window] for window in self._load.ranked),
        )


class Log:
    """Real events, in their order: batches are cut out of them."""

    def __init__(self, load: Load, events: Sequence[Event]) -> None:
        self._load = load
        made: dict[tuple[str, str], str] = {}
        self._places: list[tuple[str, str]] = []
        counts: dict[str, int] = {}
        for event in events:
            pair = event.user_id, event.restaurant_id
            at = made.pop(pair, None) if event.op == "unmark" else event.created_at
            if event.op == "mark":
                if pair in made:
                    continue  # marked already: nothing is written
                made[pair] = at = event.created_at
            if at is not None:
                self._places.append((event.restaurant_id, at))
                counts[event.restaurant_id] = counts.get(event.restaurant_id, 0) + 1
        if not self._places:
            raise InvalidInput("No event of the log changes anything; there is nothing to plan by.")
        self._events = events
        self.hottest = max(counts.values()) / len(self._places)
        self._cuts = {Window.ALL: 0, Window.YEAR: 4, Window.MONTH: 7, Window.WEEK: 10}

    def of(self, load: Load) -> "Log":
        return Log(load, self._events)

    def touched(self, records: float) -> Touched:
        size = max(1, min(round(records), len(self._places)))
        step = max(size, len(self._places) // MOST_CHUNKS)
        starts = range(0, len(self._places) - size + 1, step)
        groups = rows = ranked = 0
        for start in starts:
            some = self._places[start : start + size]
            groups += len({group for group, _ in some})
            for window in self._load.windows:
                length = self._cuts.get(window, 13 if window == Window.HOUR else 10)
                count = len({(group, at[:length]) for group, at in some})
                rows += count
                ranked += count if window in self._load.ranked else 0
        return Touched(groups / len(starts), rows / len(starts), ranked / len(starts))


@lru_cache(maxsize=100_000)
def _groups(restaurants: int, skew: float, records: float) -> float:
    return sum(
        count * -expm1(records * log1p(-share)) if share < 1 else count
        for share, count in _bands(restaurants, skew)
    )


@cache
def _bands(restaurants: int, skew: float) -> tuple[tuple[float, int], ...]:
    """(share of each, how many) of the restaurants, the hottest first."""
    bands: list[tuple[float, int]] = []
    rank = 1
    while rank <= restaurants:
        width = 1 if rank < EXACT_RANKS else max(1, rank // 50)
        width = min(width, restaurants - rank + 1)
        middle = rank + (width - 1) / 2
        bands.append((middle**-skew, width))
        rank += width
    total = sum(weight * count for weight, count in bands)
    return tuple((weight / total, count) for weight, count in bands)
