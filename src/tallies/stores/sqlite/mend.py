"""Mending: what is missing in the tallies is added, while they go on changing.

A record that is aggregated once moves a row and what it should be by the same amount. So what they
differ by in one snapshot is the row's drift at any later time, and adding it mends the row.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from itertools import islice
from time import sleep

from tallies.core.declaration import Declaration
from tallies.core.errors import StoreUnavailable
from tallies.core.tally import Number
from tallies.core.times import canonical_time
from tallies.stores.protocol import Clock, Progress, Verified, together
from tallies.stores.sqlite.catalog import Catalog, Kept, read_catalog, write_catalog
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.names import Names, quoted
from tallies.stores.sqlite.rows import RowsTable
from tallies.stores.sqlite.schema import end_of_log, follow, make_rows, seeded
from tallies.stores.sqlite.snapshot import missing, verify

ROWS_AT_A_TIME = 200
"""A writer waits for so many at most, a millisecond or two."""
REST_SECONDS = 0.02
"""Pause after each of these transactions while others write: so few of their writes meet one that
their ninety-ninth percentile stays what it was."""

_RUN = "rebuild"


def rebuild(
    database: Database,
    names: Names,
    clock: Clock,
    progress: Progress,
    declared: Declaration | None = None,
) -> Verified:
    """Make the tallies exact; what was found to differ.

    Killed at any moment, it has mended some rows whole; run again, it mends the rest.

    What is new in `declared` is built beside what readers see, and takes its place when all of it
    is whole. Triggers that are gone are made again first.

    Raises:
        InvalidTally: the source is not there, or lacks a column.
        StoreUnavailable: another rebuild has begun meanwhile.
    """
    run = secrets.token_hex(8)
    with database.writing() as connection:
        # From here on another run's differences come too late, even if it lives.
        connection.execute(
            f"INSERT OR REPLACE INTO {quoted(names.leases)} (name, holder) VALUES (?, ?)",
            (_RUN, run),
        )
        # A position beyond the log would swallow the records to come.
        connection.execute(
            f"UPDATE {quoted(names.catalog)} SET position = min(position, ?)",
            (end_of_log(connection, names),),
        )
        catalog = read_catalog(connection, names)
        building = declared is not None and bool(catalog.differs(declared))
        if declared is not None and building:
            catalog = _begin(connection, names, catalog, declared)
        catalog = follow(connection, names, catalog)
        some = catalog.building if building else catalog.live
    found = verify(database, names, clock(), progress, some=some)
    total, done, log_end = sum(len(each.drifted) for each in found), 0, -1
    for kept, verified in zip(some, found, strict=True):
        rows = missing(verified.drifted, kept.tally.components)
        while batch := list(islice(rows, ROWS_AT_A_TIME)):
            with database.writing() as connection:
                _check(connection, names, run)
                add(connection, names, batch, canonical_time(clock()), kept)
                before, log_end = log_end, end_of_log(connection, names)
            done += len(batch)
            if before not in (-1, log_end):
                sleep(REST_SECONDS)
            progress("Mending", done, max(done, total))
    with database.writing() as connection:
        _check(connection, names, run)
        if declared is not None and building:
            _switch(connection, names, catalog, declared)
        if len(some) == len(read_catalog(connection, names).live):
            seeded(connection, names)
    return together(found)


def _begin(
    connection: sqlite3.Connection, names: Names, catalog: Catalog, declared: Declaration
) -> Catalog:
    """Have all records applied to what is new in a declaration, too, from here on."""
    if catalog.building and catalog.is_building(declared):
        return catalog  # an earlier run was killed
    for kept in catalog.building:
        connection.execute(f"DROP TABLE IF EXISTS {quoted(kept.table)}")
    catalog = catalog.redeclared(declared, names, end_of_log(connection, names))
    for kept in catalog.building:
        make_rows(connection, kept)
    write_catalog(connection, names, catalog)
    return catalog


def _switch(
    connection: sqlite3.Connection, names: Names, catalog: Catalog, declared: Declaration
) -> None:
    """Let readers see what was built; nothing else is kept."""
    after = catalog.switched(declared)
    stay = {kept.table for kept in after.live}
    for kept in catalog.all:
        if kept.table not in stay:
            connection.execute(f"DROP TABLE {quoted(kept.table)}")
    write_catalog(connection, names, after)
    follow(connection, names, after)
    _revise(connection, names)


def _check(connection: sqlite3.Connection, names: Names, run: str) -> None:
    (holder,) = connection.execute(
        f"SELECT holder FROM {quoted(names.leases)} WHERE name = ?", (_RUN,)
    ).fetchone()
    if holder != run:
        raise StoreUnavailable("Another rebuild has begun and takes over.")


def add(
    connection: sqlite3.Connection,
    names: Names,
    rows: Sequence[tuple[str, str, tuple[Number, ...]]],
    now: str,
    kept: Kept,
) -> None:
    """Add (group, window, amounts) to the rows of a tally, in the caller's transaction."""
    table = RowsTable(kept)
    connection.executemany(table.add, [table.line(*row, now) for row in rows])
    connection.executemany(table.drop_zero, [row[:2] for row in rows])
    _revise(connection, names)


def _revise(connection: sqlite3.Connection, names: Names) -> None:
    connection.execute(f"UPDATE {quoted(names.catalog)} SET revision = revision + 1")
