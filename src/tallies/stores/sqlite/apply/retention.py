"""Retention: rows of windows that are no longer kept are removed."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

from tallies.core.errors import UnknownWindow
from tallies.core.fold import Folder
from tallies.stores.sqlite.catalog.catalog import read_catalog
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names, quoted

EXPIRE_CHUNK = 500
"""Rows that one transaction removes."""
KEPT_LONGER = timedelta(days=1)
"""How much longer than its retention a row stays: an aggregator that has folded records just before
the retention ended, and commits them late, must still find the row, or it would create a new one,
below zero."""


def expire(database: Database, names: Names, now: datetime) -> int:
    """Remove some rows of windows that are no longer kept; returns how many."""
    with database.reading() as connection:
        if next(_over(connection, names, now), None) is None:
            return 0  # the usual case takes no write lock
    with database.writing() as connection:
        # Looked up again: meanwhile the tables may have become those of another declaration.
        for table, window in _over(connection, names, now):
            connection.execute(f"UPDATE {quoted(names.catalog)} SET revision = revision + 1")
            return connection.execute(
                f'DELETE FROM {table} WHERE time_window = ? AND "group" IN'
                f' (SELECT "group" FROM {table} WHERE time_window = ? LIMIT ?)',
                (window, window, EXPIRE_CHUNK),
            ).rowcount
    return 0


def _over(connection: sqlite3.Connection, names: Names, now: datetime) -> Iterator[tuple[str, str]]:
    """(table, window) for each window that has rows and is over."""
    for kept in read_catalog(connection, names).all:
        if not kept.tally.retention:
            continue
        folder, table = Folder(kept.tally), quoted(kept.table)
        # One step down the index for each window, however many rows it has.
        first = f"SELECT min(time_window) FROM {table}"
        (window,) = connection.execute(first).fetchone()
        while window is not None:
            if _is_over(folder, window, now):
                yield table, window
            (window,) = connection.execute(f"{first} WHERE time_window > ?", (window,)).fetchone()


def _is_over(folder: Folder, window: str, now: datetime) -> bool:
    try:
        end = folder.expiry(window)
    except UnknownWindow:  # planted by hand
        return False
    return end is not None and end <= now - KEPT_LONGER
