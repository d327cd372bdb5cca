"""Reading the tallies."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

from tallies.core.tally import Number, Tally
from tallies.core.windows import Window
from tallies.stores.protocol import BoardPage, Rank, Ranked, TallyRow
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.kept import read_kept

_MEASURE = "favorites"
_NAME_LENGTH = {
    Window.ALL: len("all"),
    Window.YEAR: len("2026"),
    Window.MONTH: len("2026-11"),
    Window.WEEK: len("2026-W48"),
    Window.DAY: len("2026-11-23"),
    Window.HOUR: len("2026-11-23T14"),
}


class _Pinned:
    """Lends one connection again and again, in the transaction that it is in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def connection(self) -> AbstractContextManager[sqlite3.Connection]:
        return nullcontext(self._connection)

    reading = connection


class Reader:
    """The aggregates, as the last commit left them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def of(self) -> Tally:
        with self._database.connection() as connection:
            return read_kept(connection).live

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        return {window: {_MEASURE: n} for window, n in self.windows_of(group).items()}

    def windows_of(self, group: str) -> dict[str, Number]:
        with self._database.connection() as connection:
            rows = connection.execute(
                'SELECT time_window, favorites FROM tallies WHERE "group" = ? AND favorites <> 0'
                " ORDER BY time_window <> 'all', time_window",
                (group,),
            ).fetchall()
        return dict(rows)

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        found: dict[str, Number] = dict.fromkeys(windows, 0)
        marks = ", ".join("?" * len(windows))
        with self._database.connection() as connection:
            found.update(
                connection.execute(
                    'SELECT time_window, favorites FROM tallies WHERE "group" = ?'
                    f" AND time_window IN ({marks})",
                    (group, *windows),
                )
            )
        return found

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
        with self._database.connection() as connection:
            return connection.execute(
                'SELECT time_window, favorites FROM tallies WHERE "group" = ?'
                " AND time_window BETWEEN ? AND ? AND length(time_window) = ? AND favorites <> 0"
                " ORDER BY time_window",
                (group, first, last, _NAME_LENGTH[kind]),
            ).fetchall()

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, dict[str, Number]]:
        found: dict[str, dict[str, Number]] = {group: dict.fromkeys(windows, 0) for group in groups}
        with self._database.connection() as connection:
            for group, window, n in connection.execute(
                'SELECT "group", time_window, favorites FROM tallies'
                ' WHERE "group" IN (SELECT value FROM json_each(?))'
                " AND time_window IN (SELECT value FROM json_each(?))",
                (json.dumps(groups), json.dumps(windows)),
            ):
                found[group][window] = n
        return found

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None = None, *, offset: int = 0
    ) -> list[Ranked]:
        rows: list[tuple[str, int]] = []
        below: Number = 2**63 - 1
        with self._database.reading() as connection:
            if after is not None:
                # First the rest of the groups that tie with `after`, by id: two index ranges
                # instead of one condition with OR keep a page's cost flat however many tie.
                below = after.amount
                rows = connection.execute(
                    'SELECT "group", favorites FROM tallies WHERE time_window = ?'
                    ' AND favorites = ? AND "group" > ?'
                    ' ORDER BY "group" LIMIT ?',
                    (window, after.amount, after.group, limit),
                ).fetchall()
            if len(rows) < limit:
                rows += connection.execute(
                    'SELECT "group", favorites FROM tallies WHERE time_window = ?'
                    " AND favorites > 0 AND favorites < ?"
                    ' ORDER BY favorites DESC, "group" LIMIT ? OFFSET ?',
                    (window, below, limit - len(rows), offset),
                ).fetchall()
        return [Ranked(*row) for row in rows]

    def leaderboards(self, asked: Sequence[BoardPage]) -> list[list[Ranked]]:
        return [self.leaderboard(*page) for page in asked]

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        with self._database.reading() as connection:
            rows = connection.execute(
                'SELECT "group", favorites FROM tallies WHERE time_window = ?'
                ' AND favorites = ? AND "group" < ? ORDER BY "group" DESC LIMIT ?',
                (window, line.amount, line.group, limit),
            ).fetchall()
            if len(rows) < limit:
                rows += connection.execute(
                    'SELECT "group", favorites FROM tallies WHERE time_window = ?'
                    ' AND favorites > ? ORDER BY favorites, "group" DESC LIMIT ?',
                    (window, line.amount, limit - len(rows)),
                ).fetchall()
        return [Ranked(*row) for row in reversed(rows)]

    def rank(self, window: str, group: str) -> Rank | None:
        with self._database.reading() as connection:
            row = connection.execute(
                'SELECT favorites FROM tallies WHERE "group" = ? AND time_window = ?'
                " AND favorites > 0",
                (group, window),
            ).fetchone()
            if row is None:
                return None
            counts = [
                connection.execute(
                    f"SELECT count(*) FROM tallies WHERE time_window = ? AND {which}",
                    (window, *values),
                ).fetchone()[0]
                for which, values in (
                    ("favorites > ?", row),
                    ('favorites = ? AND "group" < ?', (*row, group)),
                    ('favorites = ? AND "group" >= ?', (*row, group)),
                    ("favorites < ? AND favorites > 0", row),
                )
            ]
        return Rank(counts[0] + counts[1] + 1, sum(counts), row[0])

    @contextmanager
    def as_of_now(self) -> Iterator["Reader"]:
        with self._database.reading() as connection:
            yield Reader(cast("Database", _Pinned(connection)))

    def rows(self) -> Iterator[TallyRow]:
        with self._database.reading() as connection:
            for group, window, n in connection.execute(
                'SELECT "group", time_window, favorites FROM tallies WHERE favorites <> 0'
                ' ORDER BY "group", time_window'
            ):
                yield TallyRow(group, window, {_MEASURE: n})
