"""Proof: every tally beside a count over the source, in one snapshot.

The source, the records on their way, and the tallies are each read once, in the order of their
groups, side by side: however large the file is, one group of it is in memory.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from heapq import merge
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from tallies.core.errors import Unfoldable, UnknownWindow
from tallies.core.fold import Folder
from tallies.core.groups import group_text
from tallies.core.tally import Tally
from tallies.core.windows import Window
from tallies.stores.drifts import Drifts
from tallies.stores.protocol import Drift, Progress, Verified, no_progress
from tallies.stores.sample import Sample
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.kept import LIVE
from tallies.stores.sqlite.rows import cut_of

REPORT_ROWS = 50_000
"""Rows of the source between two words about progress."""
_SLICE = 100_000
"""Favorites of one restaurant whose times are text objects at a time."""
_BREAK = "\n"

# One text a restaurant: many times as fast as a row for each favorite. SQLite's limit of 10**9
# bytes for a text is at 90 million favorites of one restaurant.
_SOURCE = (
    "SELECT restaurant_id, 0, group_concat({cut}, char(10)), count(*)"
    " FROM favorites {where} GROUP BY restaurant_id ORDER BY restaurant_id"
)
# Records that are written but not yet aggregated are in flight, and no drift.
_FLIGHT = (
    "SELECT g, 1, json_group_object(d, n), 0 FROM ("
    " SELECT restaurant_id AS g, {cut} AS d, sum(amount) AS n FROM changes"
    " WHERE position > (SELECT position FROM positions) GROUP BY 1, 2"
    ") GROUP BY g ORDER BY g"
)
_TALLIES = (
    'SELECT "group", 2, json_group_object(time_window, favorites), 0 FROM {table} {where}'
    ' GROUP BY "group" ORDER BY "group"'
)

# On purpose not the code that places a record: a fault there must not hide itself here.
_NAMES: Mapping[Window, Callable[[datetime], str]] = {
    Window.ALL: lambda _: "all",
    Window.YEAR: lambda local: local.isoformat()[:4],
    Window.MONTH: lambda local: local.isoformat()[:7],
    Window.WEEK: lambda local: "{:04}-W{:02}".format(*local.isocalendar()[:2]),
    Window.DAY: lambda local: local.isoformat()[:10],
    Window.HOUR: lambda local: local.isoformat()[:13],
}


def verify(
    database: Database,
    tally: Tally,
    now: datetime,
    progress: Progress = no_progress,
    *,
    table: str = LIVE,
    sample: Sample | None = None,
) -> Verified:
    """Compare every row with the source in one read transaction; writers are not held up."""
    checked = groups = drifted_groups = 0

    def drifted() -> Iterator[Drift]:
        nonlocal checked, groups, drifted_groups
        compared = compare(connection, Places(tally, now), progress, table, sample)
        for group, expected, actual in compared:
            windows = expected.keys() | actual.keys()
            checked += len(windows)
            groups += bool(windows)
            if expected != actual:
                drifted_groups += 1
                for window in sorted(windows):
                    should, there = expected.get(window, 0), actual.get(window, 0)
                    if should != there:
                        yield Drift(group, window, should, there)

    with database.reading() as connection:
        found = Drifts(drifted())
    return Verified(checked, found, groups, drifted_groups)


class Places:
    """In which windows a time counts, as far as they are kept."""

    def __init__(self, tally: Tally, now: datetime) -> None:
        self._names = [_NAMES[kind] for kind in tally.windows]
        self._folder = Folder(tally)
        self._zone = ZoneInfo(tally.zone)
        self._now = now
        self.cut = cut_of(tally)
        self.of_time = lru_cache(maxsize=100_000)(self._of_time)

    def _of_time(self, text: str) -> tuple[str, ...]:
        try:
            local = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone(self._zone)
        except (ValueError, OverflowError):  # there is no 30 February: the record is parked
            return ()
        return tuple(window for name in self._names if self.keeps(window := name(local)))

    def keeps(self, window: str) -> bool:
        """Whether rows of the window are still kept. What names no window is kept, and drift."""
        try:
            end = self._folder.expiry(window)
        except UnknownWindow:
            return True
        return end is None or end > self._now

    def kept(self, rows: dict[str, int]) -> dict[str, int]:
        """The rows of windows that are kept."""
        if not self._folder.tally.retention:
            return rows
        return {window: n for window, n in rows.items() if self.keeps(window)}

    def totals(self, times: Iterable[tuple[str, int]]) -> dict[str, int]:
        """What the times come to in each window."""
        found: defaultdict[str, int] = defaultdict(int)
        of_time = self.of_time
        for time, n in times:
            for window in of_time(time):
                found[window] += n
        return found


def compare(
    connection: sqlite3.Connection,
    places: Places,
    progress: Progress,
    table: str,
    sample: Sample | None,
) -> Iterator[tuple[str, dict[str, int], dict[str, int]]]:
    """For each group its windows as they should be, and as they are once what is on its way is in.

    The connection is in a read transaction. Groups come in order.
    """
    total: int | None = None
    if sample is None:
        (total,) = connection.execute("SELECT count(*) FROM favorites").fetchone()
    done, report_at = 0, REPORT_ROWS
    streams = _streams(connection, places.cut.sql, table, sample)
    for group, parts in groupby(merge(*streams), key=_first):
        expected: dict[str, int] = {}
        flight: dict[str, int] = {}
        actual: dict[str, int] = {}
        for _, stream, content, rows in parts:
            match stream:
                case 0:
                    times = _times(content, places.cut.length).items()
                    expected = places.totals(times) if _counts(group) else {}
                    done += rows
                case 1:
                    flight = places.totals(json.loads(content).items()) if _counts(group) else {}
                case _:
                    actual = places.kept(json.loads(content))
        for window, n in flight.items():
            actual[window] = actual.get(window, 0) + n
        if flight:
            actual = {window: n for window, n in actual.items() if n}
        yield group, expected, actual
        if done >= report_at:
            progress("Comparing", done, total)
            report_at = done + REPORT_ROWS
    progress("Comparing", done, total)


def _streams(
    connection: sqlite3.Connection, cut: str, table: str, sample: Sample | None
) -> list[Iterable[tuple[Any, ...]]]:
    """What the source, the log and the tallies say of each group, each in the order of groups."""
    flight = connection.execute(_FLIGHT.format(cut=cut))
    if sample is None:
        source = _SOURCE.format(cut=cut, where="")
        tallies = _TALLIES.format(table=table, where="")
        return [connection.execute(source), flight, connection.execute(tallies)]
    source = _SOURCE.format(cut=cut, where="WHERE restaurant_id = ?")
    tallies = _TALLIES.format(table=table, where='WHERE "group" = ?')
    return [
        _of_groups(connection, sample, "favorites", "restaurant_id", source),
        (row for row in flight if sample.takes(row[0])),
        _of_groups(connection, sample, table, '"group"', tallies),
    ]


def _of_groups(
    connection: sqlite3.Connection, sample: Sample, table: str, column: str, select: str
) -> Iterator[tuple[Any, ...]]:
    """The answers for the groups of a sample. Past those of the others it steps in the index."""
    first = f"SELECT min({column}) FROM {table}"
    (group,) = connection.execute(first).fetchone()
    while group is not None:
        if sample.takes(group):
            yield from connection.execute(select, (group,))
        (group,) = connection.execute(f"{first} WHERE {column} > ?", (group,)).fetchone()


def _first(row: tuple[Any, ...]) -> Any:
    return row[0]


def _times(text: str, length: int) -> Counter[str]:
    step = _SLICE * (length + len(_BREAK))
    if len(text) <= step:
        return Counter(text.split(_BREAK))
    found: Counter[str] = Counter()
    for start in range(0, len(text), step):
        found.update(text[start : start + step].rstrip(_BREAK).split(_BREAK))
    return found


def _counts(group: str) -> bool:
    """Whether a tally takes the group in; what it does not is parked."""
    try:
        return group_text((group,)) == group
    except Unfoldable:
        return False
