"""The statements that rows of a tally are written and read with, whatever table they are in."""

from functools import cache
from typing import NamedTuple

from tallies.core.tally import Tally
from tallies.core.windows import Window


class Cut(NamedTuple):
    """How a time of the source is cut to what decides all windows of a tally."""

    sql: str
    length: int


_DAY = Cut("substr(created_at, 1, 10)", len("2026-11-23"))
_HOUR = Cut("substr(created_at, 1, 13)", len("2026-11-23T14"))
# Since 1973 every zone is whole minutes from UTC; before, some were seconds off as well.
_SECOND = Cut(
    "iif(created_at >= '1973', substr(created_at, 1, 16) || ':00', substr(created_at, 1, 19))",
    len("2026-11-23T14:05:00"),
)


def cut_of(tally: Tally) -> Cut:
    """The shortest cut that decides all windows."""
    if tally.zone != "UTC":
        return _SECOND
    return _HOUR if Window.HOUR in tally.windows else _DAY


@cache
def add_to(table: str) -> str:
    """Adds (group, window, amount, now) to a row."""
    return (
        f'INSERT INTO {table} ("group", time_window, favorites, updated_at) VALUES (?, ?, ?, ?)'
        " ON CONFLICT DO UPDATE SET favorites = favorites + excluded.favorites,"
        " updated_at = excluded.updated_at"
    )


@cache
def drop_zero(table: str) -> str:
    """Deletes a row (group, window) that has come to zero."""
    return f'DELETE FROM {table} WHERE "group" = ? AND time_window = ? AND favorites = 0'


def rows_table(table: str, index: str) -> tuple[str, str]:
    """Makes a table of rows, and its leaderboards."""
    return (
        f"""CREATE TABLE {table} (
            "group"     TEXT NOT NULL,
            time_window TEXT NOT NULL,
            favorites   INTEGER NOT NULL,
            updated_at  TEXT NOT NULL,
            PRIMARY KEY ("group", time_window)
        ) STRICT, WITHOUT ROWID""",
        f'CREATE INDEX {index} ON {table} (time_window, favorites DESC, "group")',
    )
