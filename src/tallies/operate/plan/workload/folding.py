"""Folding: how many different rows a batch of records touches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import repeat
from math import expm1, inf, log1p, log10
from operator import mul
from typing import Protocol

from tallies.core.boards.buckets import bucket_of
from tallies.core.errors import InvalidInput
from tallies.core.windows import Window
from tallies.favorites.favorite import Event
from tallies.operate.plan.workload.load import DAYS_OF_A_MONTH, HOURS, Load
from tallies.operate.plan.workload.moves import Life, Moves
from tallies.operate.plan.workload.popularity import bands
from tallies.stores.layout import Ranking

SAME_DAY = 0.3
"""Removals that take out a favorite of the same day (assumed; `--from-events` counts them)."""
SAME_MONTH = 0.6
MOST_CHUNKS = 40
MOST_PLAYED = 200_000
"""Records of a log that are replayed to see what moves between buckets."""
STEPS_OF_TEN = 4
"""Sizes of batches that are replayed."""
LEAST_NET = 0.05
"""Of a record, where nearly all that is marked is taken back."""
DAYS_OF_A_WINDOW = {
    Window.HOUR: 1 / HOURS,
    Window.DAY: 1.0,
    Window.WEEK: 7.0,
    Window.MONTH: DAYS_OF_A_MONTH,
    Window.YEAR: 365.0,
}


@dataclass(frozen=True, slots=True)
class Touched:
    """The rows that a batch touches."""

    groups: float
    rows: float
    ranked: float
    """Those of them that are in a leaderboard."""
    moves: Mapping[Window, Moves] | None = None
    """For leaderboards that are ordered by buckets, how many rows enter each and move in it."""


class Mix(Protocol):
    """The kind of records that come."""

    def touched(self, records: float) -> Touched:
        """What a batch of this many records touches, on average."""

    @property
    def hottest(self) -> float:
        """The share of the most popular restaurant."""

    def of(self, load: Load) -> "Mix":
        """The same records, counted for another choice of windows."""


class Zipf:
    """Restaurants by Zipf's law; removals of older favorites touch windows of their own."""

    def __init__(self, load: Load, ranking: Ranking = "measure") -> None:
        self._load = load
        self._ranking = ranking
        self._bands = bands(int(load.restaurants), load.skew)
        net = max(1 - 2 * load.removals, LEAST_NET)
        self._net = net
        records = {kind: days * load.writes_a_day * net for kind, days in DAYS_OF_A_WINDOW.items()}
        records[Window.ALL] = load.rows_of_source
        self._lives = {
            window: Life(int(load.restaurants), load.skew, records[window])
            for window in load.ranked
        }
        self._known: dict[float, Touched] = {}

    @property
    def hottest(self) -> float:
        return self._bands[0][0]

    def of(self, load: Load) -> "Zipf":
        return Zipf(load, self._ranking)

    def moves(self, records: float, window: Window) -> Moves:
        """What this many records move on the leaderboard of a window, on average over its life.

        A removal takes a group back over a threshold; for each step up that is taken back, there
        are two more over the same one.
        """
        found = self._lives[window].moves(records)
        return Moves(found.entered * self._net * records, found.moved * records)

    def groups(self, records: float) -> float:
        """Different restaurants among this many records."""
        return _groups(int(self._load.restaurants), self._load.skew, records)

    def touched(self, records: float) -> Touched:
        # Seconds, units and rows of a batch are each asked for.
        found = self._known.get(records)
        if found is None:
            found = self._known[records] = self._touched(records)
        return found

    def _touched(self, records: float) -> Touched:
        groups = self.groups(records)
        gone = records * self._load.removals
        # A removal's own month and day: they coincide with those of new favorites, or with none.
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
            {window: self.moves(records, window) for window in self._load.ranked}
            if self._ranking == "buckets"
            else None,
        )


Growth = Callable[[float], tuple[Load, Zipf]]
"""The load and its records for a number of writes a day."""


def growth(load: Load, ranking: Ranking) -> Growth:
    """The load with any number of writes, restaurants staying as they are.

    The source grows with the writes, unless its rows were given. All that is counted for one number
    is kept: designs and billings are compared at the same ones.
    """

    @cache
    def at(writes: float) -> tuple[Load, Zipf]:
        grown = replace(load, writes_a_day=writes)
        return grown, Zipf(grown, ranking)

    return at


class Log:
    """Real events, in their order: batches are cut out of them."""

    def __init__(self, load: Load, events: Sequence[Event], ranking: Ranking = "measure") -> None:
        self._load = load
        self._ranking = ranking
        made: dict[tuple[str, str], str] = {}
        self._places: list[tuple[str, str]] = []
        self._signs: list[int] = []
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
                self._signs.append(-1 if event.op == "unmark" else 1)
                counts[event.restaurant_id] = counts.get(event.restaurant_id, 0) + 1
        if not self._places:
            raise InvalidInput("No event of the log changes anything; there is nothing to plan by.")
        self._events = events
        self.hottest = max(counts.values()) / len(self._places)
        self._cuts = {Window.ALL: 0, Window.YEAR: 4, Window.MONTH: 7, Window.WEEK: 10}
        self._moves: dict[int, Mapping[Window, Moves]] = {}

    def of(self, load: Load) -> "Log":
        return Log(load, self._events, self._ranking)

    def _moved(self, size: int) -> Mapping[Window, Moves]:
        """What a batch of this many records moves, on average over the log from its beginning."""
        # Similar sizes are replayed as one.
        step = round(STEPS_OF_TEN * log10(size))
        if step not in self._moves:
            played = max(1, round(10 ** (step / STEPS_OF_TEN)))
            some = list(zip(self._places, self._signs, strict=True))[:MOST_PLAYED]
            self._moves[step] = {
                window: _play(some, played, self._length(window)) for window in self._load.ranked
            }
        return {
            window: Moves(each.entered * size, each.moved * size)
            for window, each in self._moves[step].items()
        }

    def _length(self, window: Window) -> int:
        return self._cuts.get(window, 13 if window == Window.HOUR else 10)

    def touched(self, records: float) -> Touched:
        size = max(1, min(round(records), len(self._places)))
        step = max(size, len(self._places) // MOST_CHUNKS)
        starts = range(0, len(self._places) - size + 1, step)
        groups = rows = ranked = 0
        for start in starts:
            some = self._places[start : start + size]
            groups += len({group for group, _ in some})
            for window in self._load.windows:
                length = self._length(window)
                count = len({(group, at[:length]) for group, at in some})
                rows += count
                ranked += count if window in self._load.ranked else 0
        return Touched(
            groups / len(starts),
            rows / len(starts),
            ranked / len(starts),
            self._moved(size) if self._ranking == "buckets" else None,
        )


@lru_cache(maxsize=100_000)
def _groups(restaurants: int, skew: float, records: float) -> float:
    if not records:
        return 0.0  # where there is one restaurant, its logarithm is infinite
    logs, counts = _misses(restaurants, skew)
    missing: Iterable[float] = map(mul, counts, map(expm1, map(mul, logs, repeat(records))))
    return -sum(missing)


@cache
def _misses(restaurants: int, skew: float) -> tuple[Sequence[float], Sequence[int]]:
    """For each band: the logarithm of the chance that a record is not of one of its restaurants,
    and how many these are."""
    found = bands(restaurants, skew)
    return (
        [log1p(-share) if share < 1 else -inf for share, _ in found],
        [count for _, count in found],
    )


def _play(places: Sequence[tuple[tuple[str, str], int]], size: int, length: int) -> Moves:
    """What each record moves on average, in batches of this size, starting from empty rows."""
    counts: dict[tuple[str, str], int] = {}
    entered = moved = 0
    for start in range(0, len(places), size):
        deltas: dict[tuple[str, str], int] = {}
        for (group, at), sign in places[start : start + size]:
            row = group, at[:length]
            deltas[row] = deltas.get(row, 0) + sign
        for row, delta in deltas.items():
            before = counts.get(row)
            counts[row] = (before or 0) + delta
            if before is None:
                entered += bool(delta)
            else:
                moved += bucket_of(before) != bucket_of(counts[row])
    return Moves(entered / len(places), moved / len(places))
