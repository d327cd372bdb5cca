"""Mending: what is missing in the tallies is added, while they go on changing.

A record that is aggregated once moves a row and its right value by the same amount. So the
difference of the two in one snapshot is the row's drift at any later time, and adding it mends the
row.
"""

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from time import sleep

from tallies.core.amounts import negated, plus
from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import StoreUnavailable
from tallies.core.tally import Number
from tallies.core.times import canonical_time
from tallies.stores.clock import Clock
from tallies.stores.drifts import together
from tallies.stores.protocol import Progress
from tallies.stores.sqlite.catalog.catalog import Catalog, TallyVersion, read_catalog, write_catalog
from tallies.stores.sqlite.catalog.follow import follow
from tallies.stores.sqlite.catalog.schema import make_rows, seeded
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.rows.rows import RowsTable
from tallies.stores.sqlite.snapshot.snapshot import verify
from tallies.stores.sqlite.source.log import end_of_log
from tallies.stores.sqlite.source.source import check_spelling, find_source
from tallies.stores.verified import Drift, Verified

ROWS_AT_A_TIME = 200
"""How many rows one transaction mends: a writer waits for it a millisecond or two."""
REST_SECONDS = 0.02
"""Pause after each of these transactions while others write: so few of their writes then wait for
one that their ninety-ninth percentile does not change."""

_RUN = "rebuild"


def rebuild(
    database: Database,
    names: Names,
    clock: Clock,
    progress: Progress,
    declared: Declaration | None = None,
) -> Verified:
    """Make the tallies exact; returns what was found to differ.

    If it is killed, it has mended some rows completely; another run mends the rest.

    What is new in `declared` is built beside what readers see, and takes its place when all of it
    is complete. Triggers that are gone are created again first.

    Raises:
        InvalidTally: the source does not exist, or lacks a column.
        StoreUnavailable: another rebuild has begun meanwhile.
    """
    run = secrets.token_hex(8)
    with database.writing() as connection:
        # From here on, any earlier run is refused, even if it is still alive.
        connection.execute(
            f"INSERT OR REPLACE INTO {quoted(names.leases)} (name, holder) VALUES (?, ?)",
            (_RUN, run),
        )
        # With a position beyond the log, the records to come would never be applied.
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
    for version, verified in zip(some, found, strict=True):
        rows = _missing(verified.drifted, version.tally.components)
        while batch := list(islice(rows, ROWS_AT_A_TIME)):
            with database.writing() as connection:
                _check(connection, names, run)
                add(connection, names, batch, canonical_time(clock()), version)
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
    return replace(together(found), built=building)


def _missing(
    drifts: Iterable[Drift], components: Sequence[str]
) -> Iterator[tuple[str, str, tuple[Number, ...]]]:
    """What rows lack: what has to be added to the stored numbers of each that drifted."""
    for (group, window), some in groupby(drifts, key=itemgetter(0, 1)):
        lacks: dict[str, Number] = {}
        for drift in some:
            (lacks[drift.measure],) = plus((drift.expected,), negated((drift.actual,)))
        yield group, window, tuple(lacks.get(name, 0) for name in components)


def _begin(
    connection: sqlite3.Connection, names: Names, catalog: Catalog, declared: Declaration
) -> Catalog:
    """From now on, have all records applied to what is new in a declaration, too."""
    if catalog.building and catalog.is_building(declared):
        return catalog  # an earlier run was killed
    for version in catalog.building:
        connection.execute(f"DROP TABLE IF EXISTS {quoted(version.table)}")
    taken = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
    catalog = catalog.redeclared(declared, names, end_of_log(connection, names), taken)
    source = find_source(connection, catalog.source)
    for version in catalog.building:
        check_spelling(source, version.tally.attributes)
        make_rows(connection, version)
    write_catalog(connection, names, catalog)
    return catalog


def _switch(
    connection: sqlite3.Connection, names: Names, catalog: Catalog, declared: Declaration
) -> None:
    """Switch readers to what was built; nothing else is kept."""
    after = catalog.switched(declared)
    stay = {version.table for version in after.live}
    for version in catalog.all:
        if version.table not in stay:
            connection.execute(f"DROP TABLE {quoted(version.table)}")
    # What the others could not count is in what was built, or verify tells of it.
    marks = ", ".join("?" * len(stay))
    connection.execute(
        f"DELETE FROM {quoted(names.parked)} WHERE rows_table NOT IN ({marks})", sorted(stay)
    )
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
    version: TallyVersion,
) -> None:
    """Add (group, window, amounts) to the rows of a tally, in the caller's transaction."""
    table = RowsTable(version)
    places = [((group, window), amounts) for group, window, amounts in rows]
    connection.executemany(table.add, table.lines(places, now))
    connection.executemany(table.drop_zero, [place for place, _ in places])
    _revise(connection, names)


def _revise(connection: sqlite3.Connection, names: Names) -> None:
    connection.execute(f"UPDATE {quoted(names.catalog)} SET revision = revision + 1")
