"""Reading the tallies: every question that is answered from their rows."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from tallies.core.tally import Number, Tally
from tallies.core.windows import Window
from tallies.stores.protocol import BoardPage, Rank, Ranked, TallyRow
from tallies.stores.sqlite.catalog.catalog import TallyVersion, read_catalog
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names
from tallies.stores.sqlite.rows.rows import NAME_LENGTH, RowsTable

ROWS_IN_MEMORY = 10_000
"""Fewer rows than this are not worth a copy on disk."""

_table_of = lru_cache(maxsize=64)(RowsTable)


class _Pinned:
    """Stands in for a database: gives one connection again and again, in its open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def connection(self) -> AbstractContextManager[sqlite3.Connection]:
        return nullcontext(self._connection)

    reading = connection


class Reader:
    """The aggregates of one tally, as the last commit left them."""

    def __init__(self, database: Database, names: Names, name: str | None = None) -> None:
        """`name` is that of a declared tally; None for the first."""
        self._database = database
        self._names = names
        self._name = name

    @property
    def of(self) -> Tally:
        with self._database.connection() as connection:
            return self._version(connection).tally

    def _version(self, connection: sqlite3.Connection) -> TallyVersion:
        return read_catalog(connection, self._names).named(self._name)

    @contextmanager
    def _table(self) -> Iterator[tuple[sqlite3.Connection, RowsTable]]:
        # One snapshot: a rebuild may switch to another table between two statements.
        with self._database.reading() as connection:
            yield connection, _table_of(self._version(connection))

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        with self._table() as (connection, table):
            rows = connection.execute(
                f"SELECT time_window, {table.numbers.sql} FROM {table.sql}"
                f' WHERE "group" = ? AND NOT ({table.numbers.is_zero()})'
                " ORDER BY time_window <> 'all', time_window",
                (group,),
            ).fetchall()
        numbers, values = table.numbers, table.tally.values
        return {window: values(numbers.decode(columns)) for window, *columns in rows}

    def windows_of(self, group: str) -> dict[str, Number]:
        ranked = self.of.ranked_by or ""
        return {window: values[ranked] for window, values in self.measures_of(group).items()}

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        return self.many([group], windows)[group]

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
        ranked = self.of.ranked_by or ""
        found = self.measures_between(group, kind, first, last)
        return [(window, values[ranked]) for window, values in found]

    def measures_between(
        self, group: str, kind: Window, first: str, last: str
    ) -> list[tuple[str, dict[str, Number]]]:
        with self._table() as (connection, table):
            rows = connection.execute(
                f"SELECT time_window, {table.numbers.sql} FROM {table.sql}"
                ' WHERE "group" = ? AND time_window BETWEEN ? AND ? AND length(time_window) = ?'
                f" AND NOT ({table.numbers.is_zero()}) ORDER BY time_window",
                (group, first, last, NAME_LENGTH[kind]),
            ).fetchall()
        numbers, values = table.numbers, table.tally.values
        return [(window, values(numbers.decode(columns))) for window, *columns in rows]

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, dict[str, Number]]:
        found: dict[str, dict[str, Number]] = {group: dict.fromkeys(windows, 0) for group in groups}
        with self._table() as (connection, table):
            for group, window, *columns in _rows_of(connection, table, groups, windows):
                found[group][window] = table.amount(columns)
        return found

    def measures(
        self, groups: Sequence[str], windows: Sequence[str]
    ) -> dict[str, dict[str, dict[str, Number]]]:
        with self._table() as (connection, table):
            numbers, values = table.numbers, table.tally.values
            rows = {
                (group, window): values(numbers.decode(columns))
                for group, window, *columns in _rows_of(
                    connection, table, groups, windows, numbers.sql
                )
            }
            nothing = table.tally.nothing
        return {
            group: {window: rows.get((group, window), nothing) for window in windows}
            for group in groups
        }

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None = None, *, offset: int = 0
    ) -> list[Ranked]:
        rows: list[Any] = []
        with self._table() as (connection, table):
            below = ""
            values: tuple[int, ...] = ()
            if after is not None:
                # First the rest of the groups that tie with `after`, by id: two index ranges
                # instead of one condition with OR keep a page's cost flat however many tie.
                below, values = f" AND {table.is_below}", table.ranked_values(after.amount)
                rows = connection.execute(
                    f'{table.select_lines} AND {table.is_equal} AND "group" > ?'
                    ' ORDER BY "group" LIMIT ?',
                    (window, *values, after.group, limit),
                ).fetchall()
            if len(rows) < limit:
                rows += connection.execute(
                    f"{table.select_lines} AND {table.is_on_board}{below}"
                    f" ORDER BY {table.most_first} LIMIT ? OFFSET ?",
                    (window, *values, limit - len(rows), offset),
                ).fetchall()
        return [_line(table, row) for row in rows]

    def leaderboards(self, asked: Sequence[BoardPage]) -> list[list[Ranked]]:
        return [self.leaderboard(*page) for page in asked]

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        with self._table() as (connection, table):
            values = table.ranked_values(line.amount)
            rows = connection.execute(
                f'{table.select_lines} AND {table.is_equal} AND "group" < ?'
                ' ORDER BY "group" DESC LIMIT ?',
                (window, *values, line.group, limit),
            ).fetchall()
            if len(rows) < limit:
                rows += connection.execute(
                    f"{table.select_lines} AND {table.is_on_board} AND {table.is_above}"
                    f" ORDER BY {table.least_first} LIMIT ?",
                    (window, *values, limit - len(rows)),
                ).fetchall()
        return [_line(table, row) for row in reversed(rows)]

    def rank(self, window: str, group: str) -> Rank | None:
        with self._table() as (connection, table):
            row = connection.execute(
                f'{table.select_lines} AND "group" = ? AND {table.is_on_board}', (window, group)
            ).fetchone()
            if row is None:
                return None
            values = row[1:]
            counts = [
                connection.execute(
                    f"SELECT count(*) FROM {table.sql} WHERE time_window = ?"
                    f" AND {table.is_ranked} AND {which}",
                    (window, *values, *more),
                ).fetchone()[0]
                for which, more in (
                    (f"{table.is_above} AND {table.is_on_board}", ()),
                    (f'{table.is_equal} AND "group" < ?', (group,)),
                    (f'{table.is_equal} AND "group" >= ?', (group,)),
                    (f"{table.is_below} AND {table.is_on_board}", ()),
                )
            ]
        return Rank(counts[0] + counts[1] + 1, sum(counts), table.amount(values))

    @contextmanager
    def as_of_now(self) -> Iterator["Reader"]:
        with self._database.reading() as connection:
            yield Reader(cast("Database", _Pinned(connection)), self._names, self._name)

    def rows(self) -> Iterator[TallyRow]:
        with self._database.connection() as connection:
            # A long read keeps the write-ahead log from beginning anew, and the caller may take
            # these rows as slowly as it likes. So if there are many, they are first copied aside.
            with self._table() as (snapshot, table):
                found = snapshot.execute(
                    f'SELECT "group", time_window, {table.numbers.sql} FROM {table.sql}'
                    f' WHERE NOT ({table.numbers.is_zero()}) ORDER BY "group", time_window'
                )
                first = found.fetchmany(ROWS_IN_MEMORY)
                is_all = len(first) < ROWS_IN_MEMORY
                if not is_all:
                    _copy_aside(connection, chain(first, found), columns=len(first[0]))
            for group, window, *columns in first if is_all else _copied(connection):
                yield TallyRow(group, window, table.tally.values(table.numbers.decode(columns)))


def _copy_aside(
    connection: sqlite3.Connection, rows: Iterable[Sequence[Any]], columns: int
) -> None:
    """Copy rows to a temporary table of the connection, which is on disk."""
    names = ", ".join(f"c{number}" for number in range(columns))
    connection.execute("DROP TABLE IF EXISTS temp.rows_aside")  # of a reader that stopped early
    connection.execute("BEGIN")  # of the temporary database alone
    connection.execute(f"CREATE TEMP TABLE rows_aside ({names})")
    connection.executemany(f"INSERT INTO temp.rows_aside VALUES ({', '.join('?' * columns)})", rows)
    connection.execute("COMMIT")


def _copied(connection: sqlite3.Connection) -> Iterator[Sequence[Any]]:
    cursor = connection.execute("SELECT * FROM temp.rows_aside ORDER BY rowid")
    try:
        yield from cursor
    finally:
        cursor.close()  # or the table could not be dropped
        connection.execute("DROP TABLE temp.rows_aside")


def _rows_of(
    connection: sqlite3.Connection,
    table: RowsTable,
    groups: Sequence[str],
    windows: Sequence[str],
    columns: str | None = None,
) -> sqlite3.Cursor:
    """The rows of these groups and windows: what leaderboards order by, or `columns`."""
    return connection.execute(
        f'SELECT "group", time_window, {columns or table.amount_sql} FROM {table.sql}'
        ' WHERE "group" IN (SELECT value FROM json_each(?))'
        " AND time_window IN (SELECT value FROM json_each(?))",
        (json.dumps(groups), json.dumps(windows)),
    )


def _line(table: RowsTable, row: Sequence[Any]) -> Ranked:
    return Ranked(row[0], table.amount(row[1:]))
