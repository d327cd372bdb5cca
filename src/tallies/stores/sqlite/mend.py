"""Mending: what is missing in the tallies is added, while they go on changing.

A record that is aggregated once moves a row and what it should be by the same amount. So what they
differ by in one snapshot is the row's drift at any later time, and adding it mends the row.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from time import sleep

from tallies.core.declaration import same
from tallies.core.errors import StoreUnavailable
from tallies.core.tally import Tally
from tallies.core.times import canonical_time
from tallies.stores.protocol import Clock, Progress, Verified
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.kept import BUILDING, LIVE, Kept, read_kept, write_kept
from tallies.stores.sqlite.rows import add_to, drop_zero, rows_table
from tallies.stores.sqlite.verify import verify

ROWS_AT_A_TIME = 200
"""A writer waits for so many at most, a millisecond or two."""
REST_SECONDS = 0.02
"""Pause after each of these transactions while others write: so few of their writes meet one that
their ninety-ninth percentile stays what it was."""

_RUN = "rebuild"


def rebuild(
    database: Database, clock: Clock, progress: Progress, declared: Tally | None = None
) -> Verified:
    """Make the tally exact; what was found to differ.

    Killed at any moment, it has mended some rows whole; run again, it mends the rest.

    If `declared` comes to other rows than the tally that is there, it is built beside that one,
    and takes its place when it is whole.

    Raises:
        StoreUnavailable: another rebuild has begun meanwhile.
    """
    run = secrets.token_hex(8)
    with database.writing() as connection:
        # From here on another run's differences come too late, even if it lives.
        connection.execute(
            "INSERT OR REPLACE INTO leases (name, holder) VALUES (?, ?)", (_RUN, run)
        )
        # A position beyond the log would swallow the records to come.
        connection.execute(
            "UPDATE positions SET position = min(position, ?)", (_log_end(connection),)
        )
        kept = read_kept(connection)
        if declared is not None and not same(declared, kept.live):
            kept = _begin(connection, kept, declared)
            tally, table = kept.places[1]
        else:
            tally, table = kept.places[0]
    found = verify(database, tally, clock(), progress, table=table)
    rows = ((each.group, each.window, int(each.expected - each.actual)) for each in found.drifted)
    done, log_end = 0, -1
    while some := list(islice(rows, ROWS_AT_A_TIME)):
        with database.writing() as connection:
            _check(connection, run)
            add(connection, some, canonical_time(clock()), table)
            before, log_end = log_end, _log_end(connection)
        done += len(some)
        if before not in (-1, log_end):
            sleep(REST_SECONDS)
        progress("Mending", done, len(found.drifted))
    if table == BUILDING:
        with database.writing() as connection:
            _check(connection, run)
            _switch(connection, Kept(kept.epoch + 1, tally))
    return found


def _begin(connection: sqlite3.Connection, kept: Kept, declared: Tally) -> Kept:
    """Have all records applied to a declared tally, too, from here on."""
    if kept.building is not None and same(declared, kept.building):
        return kept  # an earlier run was killed
    epoch = kept.epoch + 1
    kept = replace(kept, epoch=epoch, building=replace(declared, name=f"{declared.name}-{epoch}"))
    connection.execute(f"DROP TABLE IF EXISTS {BUILDING}")
    for statement in rows_table(BUILDING, f"ranking_{epoch}"):
        connection.execute(statement)
    write_kept(connection, kept)
    return kept


def _switch(connection: sqlite3.Connection, kept: Kept) -> None:
    """Let readers see what was built; nothing else is kept."""
    connection.execute(f"DROP TABLE {LIVE}")
    connection.execute(f"ALTER TABLE {BUILDING} RENAME TO {LIVE}")
    write_kept(connection, kept)
    connection.execute("UPDATE positions SET revision = revision + 1")


def _log_end(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return row[0] if row else 0


def _check(connection: sqlite3.Connection, run: str) -> None:
    (holder,) = connection.execute("SELECT holder FROM leases WHERE name = ?", (_RUN,)).fetchone()
    if holder != run:
        raise StoreUnavailable("Another rebuild has begun and takes over.")


def add(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, str, int]], now: str, table: str
) -> None:
    """Add (group, window, amount) to the rows of a table, in the caller's transaction."""
    connection.executemany(add_to(table), [(*row, now) for row in rows])
    connection.executemany(drop_zero(table), [row[:2] for row in rows])
    connection.execute("UPDATE positions SET revision = revision + 1")
