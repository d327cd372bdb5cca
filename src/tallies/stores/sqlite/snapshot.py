"""The snapshot: every tally beside a count over the source, as of one moment.

In one read transaction the source, the records on their way and the tallies are gathered into a
scratch database, side by side; what differs there is drift. Memory holds a few thousand rows of
any of them. The transaction is over before anything is compared: while it is open, SQLite cannot
cut its write-ahead log.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import groupby, product
from operator import itemgetter
from typing import Any

from tallies.core.amounts import negated, plus, times
from tallies.core.change import Image
from tallies.core.errors import UnknownWindow
from tallies.core.fold import Folder
from tallies.core.tally import Number
from tallies.stores.drifts import Drifts
from tallies.stores.placing import Place, Placer
from tallies.stores.protocol import Drift, Progress, Verified, no_progress
from tallies.stores.sample import Sample
from tallies.stores.sqlite.catalog import Catalog, Kept, read_catalog
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.log import any_text, logged, present
from tallies.stores.sqlite.names import Names, quoted
from tallies.stores.sqlite.plain import PlainLines, image_of
from tallies.stores.sqlite.rows import Numbers, RowsTable
from tallies.stores.sqlite.source import check_columns, find_source

READ_ROWS = 50_000
"""Rows of the source that are in memory at a time."""
SCRATCH_KIB = 65_536

_EXPECTED, _ACTUAL = "expected ", "actual "


def verify(
    database: Database,
    names: Names,
    now: datetime,
    progress: Progress = no_progress,
    *,
    some: Sequence[Kept] | None = None,
    sample: Sample | None = None,
) -> list[Verified]:
    """Compare every row of some tallies, or of all that readers see, with the source.

    Writers are not held up.
    """
    with closing(Scratch()) as scratch:
        with database.reading() as connection:
            catalog = read_catalog(connection, names)
            kept = catalog.live if some is None else some
            scratch.gather(connection, names, catalog, kept, now, sample, progress)
        return scratch.compared()


class Scratch:
    """A database of what should be there and what is, for each group and window of each tally."""

    def __init__(self) -> None:
        # A database without a name is a file of SQLite's own that nobody sees.
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
        some: Sequence[Kept],
        now: datetime,
        sample: Sample | None,
        progress: Progress,
    ) -> None:
        """Read all of it, in the transaction that the connection is in.

        Raises:
            InvalidTally: the source is not there, or lacks a column.
        """
        self._sides = [_Side(self._rows, f"t{n}", kept, now, sample) for n, kept in enumerate(some)]
        source = find_source(connection, catalog.source)
        check_columns(source, [name for side in self._sides for name in side.attributes])
        table = f"{quoted(source.name)} AS source"
        (total,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        done, steps = 0, max(1, len(self._sides))
        for side in self._sides:
            for read in side.read(connection, table, _of_source, _EXPECTED, "1"):
                done += read
                progress("Comparing", done // steps, total)
        (position,) = connection.execute(f"SELECT position FROM {quoted(names.catalog)}").fetchone()
        for side in self._sides:
            log = f"{quoted(names.log)} WHERE position > {max(position, side.since)}"
            for _ in side.read(connection, log, logged, _ACTUAL, "amount"):
                pass
            side.read_rows(connection)
        progress("Comparing", total, total)

    def compared(self) -> list[Verified]:
        """What was found of each tally."""
        return [side.compared() for side in self._sides]

    def close(self) -> None:
        self._rows.close()


class _Side:
    """One tally: its table in the scratch database."""

    def __init__(
        self,
        rows: sqlite3.Connection,
        name: str,
        kept: Kept,
        now: datetime,
        sample: Sample | None,
    ) -> None:
        self._scratch = rows
        self._name = name
        self._tally = kept.tally
        self._table = RowsTable(kept)
        self._placer = Placer(kept.tally, sample)
        self._sample = sample
        self._folder = Folder(kept.tally)
        self._now = now
        self._kept: dict[str, bool] = {}
        self.since = kept.since
        self.attributes = kept.tally.attributes
        self._numbers = {which: Numbers(kept.tally, which) for which in (_EXPECTED, _ACTUAL)}
        declared = ", ".join(numbers.declared for numbers in self._numbers.values())
        rows.execute(
            f"CREATE TABLE {name} (g TEXT, w TEXT, {declared}, PRIMARY KEY (g, w)) WITHOUT ROWID"
        )

    def read(
        self, connection: sqlite3.Connection, table: str, column: Any, which: str, amount: str
    ) -> Iterator[int]:
        """Add what the rows of a table come to; yields how many were read, now and then."""
        lines = PlainLines.of(self._tally, column)
        where = " AND" if " WHERE " in table else " WHERE"
        if lines is not None:
            with any_text(connection):
                found = connection.execute(
                    f"SELECT {amount}, {lines.line} FROM {table}{where} {lines.ok}"
                )
                while some := found.fetchmany(READ_ROWS):
                    self._add(which, self._places_of_lines(lines, Counter(some)))
                    yield len(some)
        odd = f"{where} NOT ({lines.ok})" if lines else ""
        columns = ", ".join([amount, *map(column, self.attributes)])
        with any_text(connection):
            found = connection.execute(f"SELECT {columns} FROM {table}{odd}")
            while some := found.fetchmany(READ_ROWS):
                self._add(which, self._places_of_rows(some))
                yield len(some)

    def _places_of_lines(
        self, lines: PlainLines, counted: Counter[tuple[int, str]]
    ) -> Iterator[tuple[int, Place]]:
        for (amount, line), n in counted.items():
            contribution = lines.contribution(line)
            if contribution is not None:  # a separator in a text: no group may hold one
                yield from self._places(image_of(self._tally, contribution), amount * n)

    def _places_of_rows(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, Place]]:
        for amount, *values in rows:
            yield from self._places(present(self.attributes, values), amount)

    def _places(self, image: Image, n: int) -> Iterator[tuple[int, Place]]:
        text = self._placer.place(image)
        if text is not None:
            yield n, Place.load(text)

    def _add(self, which: str, places: Iterable[tuple[int, Place]]) -> None:
        found: dict[tuple[str, str], tuple[Number, ...]] = {}
        for n, place in places:
            amounts = tuple(times(n, amount) for amount in place.amounts)
            for key in product(place.groups, place.windows):
                if self._keeps(key[1]):
                    there = found.get(key)
                    found[key] = amounts if there is None else plus(there, amounts)
        self._put(which, found.items())

    def _put(self, which: str, rows: Iterable[tuple[tuple[str, str], tuple[Number, ...]]]) -> None:
        numbers = self._numbers[which]
        marks = ", ".join("?" * len(numbers.columns))
        self._scratch.executemany(
            f"INSERT INTO {self._name} (g, w, {numbers.sql}) VALUES (?, ?, {marks})"
            f" ON CONFLICT DO UPDATE SET {numbers.addition(self._name, 'excluded')}",
            ((*key, *numbers.encode(amounts)) for key, amounts in rows),
        )

    def read_rows(self, connection: sqlite3.Connection) -> None:
        """Add what the tally says."""
        rows = connection.execute(
            f'SELECT "group", time_window, {self._table.numbers.sql} FROM {self._table.sql}'
        )
        sample = self._sample
        self._put(
            _ACTUAL,
            (
                ((group, window), self._table.numbers.decode(values))
                for group, window, *values in rows
                if (sample is None or sample.takes(group)) and self._keeps(window)
            ),
        )

    def _keeps(self, window: str) -> bool:
        """Whether rows of the window are still kept. What names no window is kept, and drift."""
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
        return Verified(checked, Drifts(self._drifts(rows)), groups, drifted_groups, self._tally)

    def _drifts(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Drift]:
        width = len(self._table.numbers.columns)
        for group, window, *values in rows:
            expected = self._table.numbers.decode(values[:width])
            actual = self._table.numbers.decode(values[width:])
            for name, should, there in zip(self._tally.components, expected, actual, strict=True):
                if should != there:
                    yield Drift(group, window, should, there, name)


def missing(
    drifts: Iterable[Drift], components: Sequence[str]
) -> Iterator[tuple[str, str, tuple[Number, ...]]]:
    """What the rows lack: for each that drifted, what has to be added to its stored numbers."""
    for (group, window), some in groupby(drifts, key=itemgetter(0, 1)):
        lacks: dict[str, Number] = {}
        for drift in some:
            (lacks[drift.measure],) = plus((drift.expected,), negated((drift.actual,)))
        yield group, window, tuple(lacks.get(name, 0) for name in components)


def _of_source(attribute: str) -> str:
    return f"source.{quoted(attribute)}"
