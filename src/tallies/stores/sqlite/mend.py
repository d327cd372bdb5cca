"""Mending: what is missing in the tallies is added, while they go on changing.

A record that is aggregated once moves a row and what it should be by the same amount. So what they
differ by in one snapshot is the row's drift at any later time, and adding it mends the row.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from itertools import islice
from time import sleep

from tallies.core.errors import StoreUnavailable
from tallies.core.times import canonical_time
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.protocol import Clock, Progress, Verified
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.verify import verify

ROWS_AT_A_TIME = 200
"""A writer waits for so many at most, a millisecond or two."""
REST_SECONDS = 0.02
"""Pause after each of these transactions while others write: so few of their writes meet one that
their ninety-ninth percentile stays what it was."""

_RUN = "rebuild"
_ADD = (
    'INSERT INTO tallies ("group", time_window, favorites, updated_at) VALUES (?, ?, ?, ?)'
    " ON CONFLICT DO UPDATE SET favorites = favorites + excluded.favorites,"
    " updated_at = excluded.updated_at"
)
_DROP_ZERO = 'DELETE FROM tallies WHERE "group" = ? AND time_window = ? AND favorites = 0'


def rebuild(database: Database, clock: Clock, progress: Progress) -> Verified:
    """Make every tally exact; what was found to differ.

    Killed at any moment, it has mended some rows whole; run again, it mends the rest.

    Raises:
        StoreUnavailable: another rebuild has begun meanwhile.
    """
    run = secrets.token_hex(8)
    with database.writing() as connection:
        # From here on another run's differences come too late, even if it lives.
        connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, 0)", (_RUN, run))
        # A position beyond the log would swallow the records to come.
        connection.execute(
            "UPDATE positions SET position = min(position, ?)", (_log_end(connection),)
        )
    found = verify(database, FAVORITES, clock(), progress)
    rows = ((each.group, each.window, each.expected - each.actual) for each in found.drifted)
    done, log_end = 0, -1
    while some := list(islice(rows, ROWS_AT_A_TIME)):
        with database.writing() as connection:
            _check(connection, run)
            add(connection, some, canonical_time(clock()))
            before, log_end = log_end, _log_end(connection)
        done += len(some)
        if before not in (-1, log_end):
            sleep(REST_SECONDS)
        progress("Mending", done, len(found.drifted))
    return found


def _log_end(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return row[0] if row else 0


def _check(connection: sqlite3.Connection, run: str) -> None:
    (holder,) = connection.execute("SELECT holder FROM leases WHERE name = ?", (_RUN,)).fetchone()
    if holder != run:
        raise StoreUnavailable("Another rebuild has begun and takes over.")


def add(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, int]], now: str) -> None:
    """Add (group, window, amount) to the tallies, in the caller's transaction."""
    connection.executemany(_ADD, [(*row, now) for row in rows])
    connection.executemany(_DROP_ZERO, [row[:2] for row in rows])
    connection.execute("UPDATE positions SET revision = revision + 1")
