"""The snapshot: every tally beside a count over the source, as of one moment.

One read transaction gathers the source, the records that are not applied yet and the tallies, in
memory as long as they are few, else in a scratch database; what differs there is drift. The
transaction is over before anything is compared: while it is open, SQLite cannot begin its
write-ahead log anew.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from tallies.core.amounts import plus, times
from tallies.core.errors import UnknownWindow
from tallies.core.fold import Folder
from tallies.core.tally import Number
from tallies.stores.drifts import Drifts
from tallies.stores.placing import UNCOUNTED, Place
from tallies.stores.protocol import Progress, no_progress
from tallies.stores.sample import Sample
from tallies.stores.sqlite.catalog.catalog import Catalog, TallyVersion, read_catalog, read_position
from tallies.stores.sqlite.catalog.follow import current_source
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.rows.rows import Numbers, RowsTable
from tallies.stores.sqlite.snapshot.places import READ_ROWS, Places
from tallies.stores.sqlite.source.log import logged
from tallies.stores.sqlite.source.source import check_columns, find_source
from tallies.stores.verified import Drift, Verified

MEMORY_ROWS = 200_000
"""How many rows of a tally are gathered in memory before they go to the scratch database."""
SCRATCH_KIB = 65_536

_EXPECTED, _ACTUAL = "expected ", "actual "
_Rows = dict[tuple[str, str], tuple[Number, ...]]


def verify(
    database: Database,
    names: Names,
    now: datetime,
    progress: Progress = no_progress,
    *,
    some: Sequence[TallyVersion] | None = None,
    sample: Sample | None = None,
) -> list[Verified]:
    """Compare every row of some tallies, or of all that readers see, with the source.

    Writers are not held up.
    """
    with closing(Scratch()) as scratch:
        with database.reading() as connection:
            catalog = read_catalog(connection, names)
            versions = catalog.live if some is None else some
            scratch.gather(connection, names, catalog, versions, now, sample, progress)
        return scratch.compared()


class Scratch:
    """A database of the expected and the actual numbers of each group and window of each tally."""

    def __init__(self) -> None:
        # A database without a name is a temporary file of SQLite that no other program sees.
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute(f"PRAGMA cache_size = -{SCRATCH_KIB}")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("BEGIN")
        self._sides: list[_Side] = []

    def gather(
        self,
        connection: sqlite3.Connection,
        names: Names,
        catalog: Catalog,
        some: Sequence[TallyVersion],
        now: datetime,
        sample: Sample | None,
        progress: Progress,
    ) -> None:
        """Read everything, in the connection's open transaction.

        Raises:
            InvalidTally: the source does not exist, or lacks a column.
        """
        self._sides = [
            _Side(self._rows, f"t{n}", version, now, sample) for n, version in enumerate(some)
        ]
        source = find_source(connection, current_source(connection, names, catalog))
        check_columns(source, [name for side in self._sides for name in side.attributes])
        table = f"{quoted(source.name)} AS source"
        (total,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        done, steps = 0, max(1, len(self._sides))
        for side in self._sides:
            for read in side.read(connection, table, _of_source, _EXPECTED, "1"):
                done += read
                progress("Comparing", done // steps, total)
        position = read_position(connection, names)
        for side in self._sides:
            log = f"{quoted(names.log)} WHERE position > {max(position, side.since)}"
            for _ in side.read(connection, log, logged, _ACTUAL, "amount"):
                pass
            side.read_rows(connection)
        progress("Comparing", total, total)

    def compared(self) -> list[Verified]:
        """What was found in each tally."""
        return [side.compared() for side in self._sides]

    def close(self) -> None:
        self._rows.close()


class _Side:
    """One tally: its table in the scratch database."""

    def __init__(
        self,
        rows: sqlite3.Connection,
        name: str,
        version: TallyVersion,
        now: datetime,
        sample: Sample | None,
    ) -> None:
        self._scratch = rows
        self._name = name
        self._tally = version.tally
        self._table = RowsTable(version)
        self._places = Places(version.tally, sample)
        self._sample = sample
        self._folder = Folder(version.tally)
        self._now = now
        self._kept: dict[str, bool] = {}
        self._gathered: dict[str, _Rows] = {_EXPECTED: {}, _ACTUAL: {}}
        self._is_spilled = False
        self._uncounted: Counter[str] = Counter()
        self.since = version.since
        self.attributes = version.tally.attributes
        self._numbers = {which: Numbers(version.tally, which) for which in (_EXPECTED, _ACTUAL)}
        declared = ", ".join(numbers.declared for numbers in self._numbers.values())
        rows.execute(
            f"CREATE TABLE {name} (g TEXT, w TEXT, {declared}, PRIMARY KEY (g, w)) WITHOUT ROWID"
        )

    def read(
        self, connection: sqlite3.Connection, table: str, column: Any, which: str, amount: str
    ) -> Iterator[int]:
        """Add what the rows of a table come to; yields how many were read, part by part."""
        for read, places in self._places.read(connection, table, column, amount):
            self._add(which, places)
            yield read

    def _add(self, which: str, places: Iterable[tuple[int, Place]]) -> None:
        found = self._gathered[which]
        for n, place in places:
            if UNCOUNTED in place.windows:
                if which == _EXPECTED:
                    self._uncounted.update(dict.fromkeys(place.groups, n))
                continue
            amounts = (
                (n,) if len(place.amounts) == 1 else tuple(times(n, one) for one in place.amounts)
            )
            for group in place.groups:
                for window in place.windows:
                    key = group, window
                    there = found.get(key)
                    if there is None:
                        if self._keeps(window):
                            found[key] = amounts
                    else:
                        found[key] = plus(there, amounts)
        self._spill_if_many(which)

    def _spill_if_many(self, which: str, most: int | None = None) -> None:
        rows = self._gathered[which]
        if len(rows) <= (MEMORY_ROWS if most is None else most):
            return
        self._is_spilled = True
        numbers = self._numbers[which]
        marks = ", ".join("?" * len(numbers.columns))
        self._scratch.executemany(
            f"INSERT INTO {self._name} (g, w, {numbers.sql}) VALUES (?, ?, {marks})"
            f" ON CONFLICT DO UPDATE SET {numbers.addition(self._name, 'excluded')}",
            ((*key, *numbers.encode(amounts)) for key, amounts in rows.items()),
        )
        rows.clear()

    def read_rows(self, connection: sqlite3.Connection) -> None:
        """Add the rows of the tally."""
        rows = connection.execute(
            f'SELECT "group", time_window, {self._table.numbers.sql} FROM {self._table.sql}'
        )
        sample, decode = self._sample, self._table.numbers.decode
        gathered = self._gathered[_ACTUAL]
        while some := rows.fetchmany(READ_ROWS):
            for group, window, *values in some:
                if (sample is None or sample.takes(group)) and self._keeps(window):
                    key, amounts = (group, window), decode(values)
                    there = gathered.get(key)
                    gathered[key] = amounts if there is None else plus(there, amounts)
            self._spill_if_many(_ACTUAL)

    def _keeps(self, window: str) -> bool:
        """Whether rows of the window are still kept. What names no window is kept, and is drift."""
        if not self._tally.retention:
            return True
        kept = self._kept.get(window)
        if kept is None:
            try:
                end = self._folder.expiry(window)
            except UnknownWindow:
                end = None
            kept = self._kept[window] = end is None or end > self._now
        return kept

    def compared(self) -> Verified:
        """The rows that differ."""
        if self._is_spilled:
            for which in self._numbers:
                self._spill_if_many(which, 0)
            return self._compared_in_scratch()
        expected, actual = self._gathered[_EXPECTED], self._gathered[_ACTUAL]
        zero = (0,) * len(self._tally.components)
        there = {key for rows in (expected, actual) for key, one in rows.items() if any(one)}
        differs = sorted(key for key in there if expected.get(key, zero) != actual.get(key, zero))
        pairs = ((*key, expected.get(key, zero), actual.get(key, zero)) for key in differs)
        return Verified(
            len(there),
            Drifts(self._drifts(pairs)),
            len({group for group, _ in there}),
            len({group for group, _ in differs}),
            self._tally,
            uncounted_by=self._uncounted,
        )

    def _compared_in_scratch(self) -> Verified:
        sides = list(self._numbers.values())
        pairs = list(zip(sides[0].columns, sides[1].columns, strict=True))
        differs = " OR ".join(f"{quoted(one)} <> {quoted(other)}" for one, other in pairs)
        is_there = f"NOT ({' AND '.join(numbers.is_zero() for numbers in sides)})"
        checked, groups, drifted_groups = self._scratch.execute(
            f"SELECT count(*), count(DISTINCT g), count(DISTINCT iif({differs}, g, NULL))"
            f" FROM {self._name} WHERE {is_there}"
        ).fetchone()
        rows = self._scratch.execute(
            f"SELECT g, w, {sides[0].sql}, {sides[1].sql} FROM {self._name} WHERE {differs}"
            " ORDER BY g, w"
        )
        width, decode = len(self._table.numbers.columns), self._table.numbers.decode
        lines = (
            (group, window, decode(values[:width]), decode(values[width:]))
            for group, window, *values in rows
        )
        drifts = Drifts(self._drifts(lines))
        return Verified(
            checked,
            drifts,
            groups,
            drifted_groups,
            self._tally,
            uncounted_by=self._uncounted,
        )

    def _drifts(
        self, rows: Iterable[tuple[str, str, tuple[Number, ...], tuple[Number, ...]]]
    ) -> Iterator[Drift]:
        for group, window, expected, actual in rows:
            for name, should, there in zip(self._tally.components, expected, actual, strict=True):
                if should != there:
                    yield Drift(group, window, should, there, name)


def _of_source(attribute: str) -> str:
    return f"source.{quoted(attribute)}"
