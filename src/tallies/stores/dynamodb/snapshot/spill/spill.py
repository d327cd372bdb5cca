"""The spill: what a snapshot gathers, in a file, so that tables larger than memory fit.

After a process was killed, the scan of the source goes on where it was. Rows of the source are only
ever appended to the file, and summed up part by part; nothing of the size of the source is sorted
or looked up in an index.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from tallies.core.tally import Number
from tallies.stores.dynamodb.snapshot.spill.combine import (
    PARTS,
    Combiner,
    Shares,
    Totals,
    key_digest,
    records,
    state_digest,
)
from tallies.stores.dynamodb.snapshot.spill.file import SpillFile, UnknownState
from tallies.stores.placing import UNCOUNTED, Part, load

_TABLES = {
    "scanned": "CREATE TABLE IF NOT EXISTS scanned (part INTEGER NOT NULL, records BLOB NOT NULL);"
    " CREATE INDEX IF NOT EXISTS scanned_by_part ON scanned (part)",
    "sums": "CREATE TABLE IF NOT EXISTS sums"
    " (part INTEGER NOT NULL, lines TEXT NOT NULL, corrects INTEGER NOT NULL);"
    " CREATE INDEX IF NOT EXISTS sums_by_part ON sums (part)",
    "touched": "CREATE TABLE IF NOT EXISTS touched (key BLOB PRIMARY KEY, place TEXT)"
    " WITHOUT ROWID",
    "states": "CREATE TABLE IF NOT EXISTS states"
    " (key BLOB, state BLOB, place TEXT NOT NULL, PRIMARY KEY (key, state)) WITHOUT ROWID",
    "expected": "CREATE TABLE IF NOT EXISTS expected"
    " (g TEXT, w TEXT, amounts TEXT NOT NULL, PRIMARY KEY (g, w)) WITHOUT ROWID",
    "actual": "CREATE TABLE IF NOT EXISTS actual (g TEXT, w TEXT, amounts TEXT NOT NULL,"
    " view INTEGER NOT NULL, held TEXT NOT NULL, PRIMARY KEY (g, w)) WITHOUT ROWID",
    "late": "CREATE TABLE IF NOT EXISTS late (g TEXT, w TEXT, amounts TEXT NOT NULL,"
    " shard TEXT, position TEXT, counted INTEGER NOT NULL)",
    "missing": "CREATE TABLE IF NOT EXISTS missing (g TEXT, w TEXT)",
}
_MISSING_AT_A_TIME = 1_000
SCANNED = "scanned"
"""The name of a fact: how many rows of the source have come."""
UNCOUNTED_ROWS = "uncounted"
"""The name of a fact: how many of them cannot be counted, by the part of the declaration that asks
for what they lack; known after `group`."""


class Late(NamedTuple):
    """What one record of the stream adds to one row."""

    group: str
    window: str
    amounts: str
    shard: str
    position: str
    counted: bool
    """Whether the expected numbers include the record."""


class Cell(NamedTuple):
    """All that is known of one row of the tallies."""

    group: str
    window: str
    expected: tuple[Number, ...]
    """GROUP BY over the source, with the records of the stream that are counted."""
    actual: tuple[Number, ...]
    view: int | None
    """How far the stream was in the row when it was read; None for a row that was not read."""
    held: str
    """The row's own positions; empty for a row that holds none."""
    late: list[Late]


class Spill(SpillFile):
    """What is gathered for one tally."""

    def __init__(self, path: Path | None, components: int) -> None:
        """As `SpillFile`; `components` is how many numbers a row of the tally has."""
        super().__init__(path, _TABLES)
        self._zero: tuple[Number, ...] = (0,) * components

    def add(self, cursors: Mapping[str, Any], shares: Shares) -> None:
        """Take in rows of the source, and where their segments' scans go on: both or neither."""
        with self._connection:
            self._connection.executemany(
                "INSERT INTO scanned VALUES (?, ?)", shares.scanned.items()
            )
            self._add_sums(shares, corrects=False)
            for name, value in cursors.items():
                self._remember(name, value)
            self._remember(SCANNED, (self.fact(SCANNED) or 0) + shares.rows)

    def _add_sums(self, shares: Shares, *, corrects: bool) -> None:
        self._connection.executemany(
            "INSERT INTO sums VALUES (?, ?, ?)",
            ((part, lines, corrects) for part, lines in shares.sums.items()),
        )

    def put(self, changes: Iterable[tuple[str, str | None, str | None]]) -> None:
        """Take in rows from the stream: (key, place before, place after). The last one wins."""
        latest: dict[bytes, str | None] = {}
        states: dict[tuple[bytes, bytes], str] = {}
        for text, before, after in changes:
            key = key_digest(text)
            latest[key] = after
            for place in (before, after):
                if place is not None:
                    states[key, state_digest(place)] = place
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO touched VALUES (?, ?)", latest.items()
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO states VALUES (?, ?, ?)",
                ((*name, place) for name, place in states.items()),
            )

    def group(self) -> None:
        """Sum up all rows of the source into what is expected.

        Raises:
            UnknownState: a row was scanned in a state that the stream does not hold.
        """
        with self._connection:
            self._connection.execute("DELETE FROM expected")
            self._connection.execute("DELETE FROM sums WHERE corrects")
            self._correct()
            for part in range(PARTS):
                totals = Totals()
                for (lines,) in self._connection.execute(
                    "SELECT lines FROM sums WHERE part = ?", (part,)
                ):
                    totals.add(lines)
                self._connection.executemany(
                    "INSERT INTO expected VALUES (?, ?, ?)", totals.cells()
                )
            self._remember(UNCOUNTED_ROWS, self._take_uncounted())

    def _take_uncounted(self) -> dict[str, int]:
        found = {}
        for part in get_args(Part):
            for (amounts,) in self._connection.execute(
                "DELETE FROM expected WHERE g = ? AND w = ? RETURNING amounts", (part, UNCOUNTED)
            ).fetchall():
                found[part] = int(load(amounts)[0])
        return found

    def _correct(self) -> None:
        """Replace the scanned states of rows that the stream has records of by their last states.

        The scan found such a row in one of the states that are in the stream, or not at all: every
        write after the beginning of the snapshot is in the stream with the state before it.
        """
        combiner = Combiner()
        for part in range(PARTS):
            first, last = bytes([part]), bytes([part]) + b"\xff" * 16
            touched = dict(
                self._connection.execute(
                    "SELECT key, place FROM touched WHERE key BETWEEN ? AND ?", (first, last)
                )
            )
            if not touched:
                continue
            for place in touched.values():
                if place is not None:
                    combiner.move(place, 1)
            for (scanned,) in self._connection.execute(
                "SELECT records FROM scanned WHERE part = ?", (part,)
            ):
                for key, state in records(scanned):
                    if key in touched:
                        combiner.move(self._state(key, state), -1)
            if combiner.is_full:
                self._add_sums(combiner.take(), corrects=True)
        self._add_sums(combiner.take(), corrects=True)

    def _state(self, key: bytes, state: bytes) -> str:
        found = self._connection.execute(
            "SELECT place FROM states WHERE key = ? AND state = ?", (key, state)
        ).fetchone()
        if found is None:
            raise UnknownState(
                "A row of the source was scanned as its stream never tells of it; run it again."
            )
        return str(found[0])

    def groups(self) -> Iterator[str]:
        """The groups of the expected rows; to be called again after `group`."""
        found = self._connection.cursor().execute("SELECT DISTINCT g FROM expected ORDER BY g")
        return (group for (group,) in found)

    def forget(self, *tables: Literal["actual", "late"]) -> None:
        """Delete what is to be read anew."""
        with self._connection:
            for table in tables:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 # a literal

    def add_actual(self, rows: Iterable[tuple[str, str, str, int, str]]) -> None:
        """Take in rows of the tallies: (group, window, amounts, view, their own positions)."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO actual VALUES (?, ?, ?, ?, ?)", rows
            )

    def add_late(self, rows: Iterable[Late]) -> None:
        with self._connection:
            self._connection.executemany("INSERT INTO late VALUES (?, ?, ?, ?, ?, ?)", rows)

    def missing(self) -> Iterator[tuple[str, str]]:
        """The rows that should exist, or should have existed, but were not read."""
        with self._connection:
            self._connection.execute("DELETE FROM missing")
            self._connection.execute(
                "INSERT INTO missing SELECT g, w FROM expected WHERE NOT EXISTS"
                " (SELECT 1 FROM actual WHERE actual.g = expected.g AND actual.w = expected.w)"
                " UNION SELECT g, w FROM late WHERE counted AND NOT EXISTS"
                " (SELECT 1 FROM actual WHERE actual.g = late.g AND actual.w = late.w)"
            )
        last = 0
        while some := self._connection.execute(
            "SELECT rowid, g, w FROM missing WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (last, _MISSING_AT_A_TIME),
        ).fetchall():
            yield from ((group, window) for _, group, window in some)
            last = some[-1][0]

    def met(self, since: int) -> Iterator[tuple[tuple[str, str], int, str, str]]:
        """Each row that was read in one of the views from `since` on, its view, and the shard and
        position of a record that adds to it."""
        found = self._connection.execute(
            "SELECT g, w, view, shard, position FROM late JOIN actual USING (g, w) WHERE view >= ?",
            (since,),
        )
        return (((g, w), view, shard, position) for g, w, view, shard, position in found)

    def cells(self) -> Iterator[Cell]:
        """Every row that is expected, was read, or is changed by a record of the stream."""
        found = self._connection.execute(
            "SELECT g, w, 0, amounts, '', '', 0 FROM expected"
            " UNION ALL SELECT g, w, 1, amounts, held, '', view FROM actual"
            " UNION ALL SELECT g, w, 2, amounts, shard, position, counted FROM late"
            " ORDER BY g, w"
        )
        for (group, window), some in groupby(found, key=itemgetter(0, 1)):
            expected = actual = self._zero
            view, held = None, ""
            late = []
            for _, _, kind, amounts, shard, position, number in some:
                match kind:
                    case 0:
                        expected = load(amounts)
                    case 1:
                        actual, view, held = load(amounts), number, shard
                    case _:
                        late.append(Late(group, window, amounts, shard, position, bool(number)))
            yield Cell(group, window, expected, actual, view, held, late)
