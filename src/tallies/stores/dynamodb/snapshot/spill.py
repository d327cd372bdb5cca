"""The spill: what a snapshot gathers, in a file, so that tables larger than memory fit.

The file outlives a process that is killed, and an error: the scan of the source goes on where it
was.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby, product
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from tallies.core.amounts import plus, times
from tallies.core.errors import StoreError, StoreUnavailable
from tallies.core.tally import Number
from tallies.stores.dynamodb.errors import HistoryTrimmed
from tallies.stores.placing import Place, dump, load

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS expected (g TEXT, w TEXT, amounts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS actual (
    g TEXT, w TEXT, amounts TEXT NOT NULL, view INTEGER NOT NULL, PRIMARY KEY (g, w)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS late (
    g TEXT, w TEXT, amounts TEXT NOT NULL, shard TEXT, position TEXT, counted INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS missing (g TEXT, w TEXT);
"""
_MISSING_AT_A_TIME = 1_000
_CACHE_KIB = 64_000
SCANNED = "scanned"
"""The fact of how many rows of the source have come."""


class Late(NamedTuple):
    """What one record of the stream adds to one row."""

    group: str
    window: str
    amounts: str
    shard: str
    position: str
    counted: bool
    """Whether what is expected has the record in it."""


class Cell(NamedTuple):
    """All that is known of one row of the tallies."""

    group: str
    window: str
    expected: tuple[Number, ...]
    """GROUP BY over the source, with the records of the stream that are counted."""
    actual: tuple[Number, ...]
    view: int | None
    """How far the stream was in the row when it was read; None for a row that was not read."""
    late: list[Late]


class Spill:
    """A file of one's own, for a `with` statement. What that leaves undone can go on from it."""

    def __init__(self, path: Path | None, components: int) -> None:
        """Open the file, or make it; one that has no name, and nobody else finds, for None.

        Raises:
            StoreUnavailable: another process has it open.
            StoreError: it cannot be made, or something else has become of it.
        """
        self.path = path
        self._zero: tuple[Number, ...] = (0,) * components
        try:
            self._connection = sqlite3.connect(path or "", timeout=0)
        except sqlite3.Error as error:
            raise self._explained(error) from error
        try:
            # Nothing here is worth a wait for the disk: after a power cut one scans anew.
            self._connection.executescript(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                f" PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB}; {_SCHEMA}"
            )
        except sqlite3.Error as error:
            self._connection.close()
            raise self._explained(error) from error

    def fact(self, name: str) -> Any:
        """What was remembered under a name; None for nothing."""
        found = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,))
        row = found.fetchone()
        return None if row is None else json.loads(row[0])

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Let go of everything, and remember only these facts."""
        with self._connection:
            for table in ("facts", "rows", "expected", "actual", "late", "missing"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 # a literal
            for name, value in facts.items():
                self._remember(name, value)

    def _remember(self, name: str, value: Any) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value))
        )

    def add_page(self, cursor: str, value: Any, rows: Sequence[tuple[str, str | None]]) -> None:
        """Take in a page of the source, and where its segment's scan goes on: both or neither."""
        with self._connection:
            self._put(rows)
            self._remember(cursor, value)
            self._remember(SCANNED, (self.fact(SCANNED) or 0) + len(rows))

    def put(self, rows: Iterable[tuple[str, str | None]]) -> None:
        """Rows of the source: (key, place); no place for what counts nowhere. The last one wins."""
        with self._connection:
            self._put(rows)

    def _put(self, rows: Iterable[tuple[str, str | None]]) -> None:
        latest = {blake2b(key.encode(), digest_size=16).digest(): place for key, place in rows}
        put = [(key, place) for key, place in latest.items() if place is not None]
        gone = [(key,) for key, place in latest.items() if place is None]
        self._connection.executemany("DELETE FROM rows WHERE key = ?", gone)
        self._connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", put)

    def group(self) -> None:
        """Place all rows of the source: what is expected."""
        with self._connection:
            self._connection.execute("DELETE FROM expected")
            places = self._connection.cursor().execute(
                "SELECT place, count(*) FROM rows GROUP BY place"
            )
            self._connection.executemany("INSERT INTO expected VALUES (?, ?, ?)", _spread(places))

    def groups(self) -> Iterator[str]:
        """The groups of the rows that are expected; to be called again after `group`."""
        found = self._connection.cursor().execute("SELECT DISTINCT g FROM expected ORDER BY g")
        return (group for (group,) in found)

    def forget(self, *tables: Literal["actual", "late"]) -> None:
        """Let go of what is to be read anew."""
        with self._connection:
            for table in tables:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 # a literal

    def add_actual(self, rows: Iterable[tuple[str, str, str, int]]) -> None:
        """Rows of the tallies: (group, window, amounts, view)."""
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO actual VALUES (?, ?, ?, ?)", rows)

    def add_late(self, rows: Iterable[Late]) -> None:
        with self._connection:
            self._connection.executemany("INSERT INTO late VALUES (?, ?, ?, ?, ?, ?)", rows)

    def missing(self) -> Iterator[tuple[str, str]]:
        """The rows that should be there, or should have been, and were not read."""
        with self._connection:
            self._connection.execute("DELETE FROM missing")
            self._connection.execute(
                "INSERT INTO missing SELECT g, w FROM (SELECT g, w FROM expected"
                " UNION SELECT g, w FROM late WHERE counted) AS wanted WHERE NOT EXISTS"
                " (SELECT 1 FROM actual WHERE actual.g = wanted.g AND actual.w = wanted.w)"
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
        """Every row that is expected, is there, or is touched by the stream."""
        found = self._connection.execute(
            "SELECT g, w, 0, amounts, '', '', 0 FROM expected"
            " UNION ALL SELECT g, w, 1, amounts, '', '', view FROM actual"
            " UNION ALL SELECT g, w, 2, amounts, shard, position, counted FROM late"
            " ORDER BY g, w"
        )
        for (group, window), some in groupby(found, key=itemgetter(0, 1)):
            expected = actual = self._zero
            view = None
            late = []
            for _, _, kind, amounts, shard, position, number in some:
                match kind:
                    case 0:
                        expected = plus(expected, load(amounts))
                    case 1:
                        actual, view = load(amounts), number
                    case _:
                        late.append(Late(group, window, amounts, shard, position, bool(number)))
            yield Cell(group, window, expected, actual, view, late)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        if isinstance(error, sqlite3.Error):
            raise self._explained(error) from error
        # Past records that the stream has forgotten nothing can go on.
        done = error is None or isinstance(error, HistoryTrimmed)
        if self.path is not None and done:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _explained(self, error: sqlite3.Error) -> StoreError:
        where = self.path or "SQLite's temporary files"
        name = getattr(error, "sqlite_errorname", "")
        match name.removeprefix("SQLITE_").split("_")[0]:
            case "BUSY":
                return StoreUnavailable(
                    f"Another rebuild on this machine gathers in {where}; wait for it, or end it."
                )
            case "FULL":
                return StoreError(
                    f"The disk is full of what is gathered in {where}; make room, or name a folder"
                    " with more in the variable TMPDIR."
                )
            case "NOTADB" | "CORRUPT":
                return StoreError(f"The file {where} is damaged; delete it, and try again.")
        return StoreError(
            f"Nothing can be gathered in {where}: {error}; name another folder in the variable"
            " TMPDIR."
        )


def _spread(places: Iterable[tuple[str, int]]) -> Iterator[tuple[str, str, str]]:
    for place, count in places:
        amounts, windows, groups = Place.load(place)
        total = dump([times(count, amount) for amount in amounts])
        for group, window in product(groups, windows):
            yield group, window, total
