"""The tables of a prefix: created, checked, removed again.

They are in one database beside the tables of other programs. Nothing but our own tables and
triggers is ever changed.
"""

import sqlite3

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import NotInitialised, WrongStore
from tallies.stores.sqlite.catalog.catalog import (
    Catalog,
    TallyVersion,
    dump,
    first_catalog,
    read_catalog,
)
from tallies.stores.sqlite.catalog.follow import follow
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.rows.rows import RowsTable
from tallies.stores.sqlite.source.source import check_columns, check_spelling, find_source
from tallies.stores.sqlite.source.triggers import drop_triggers

SEED = "seed"
"""The name of a lease that exists from the `init` of a table with rows until these are counted."""

FORMAT = 1
"""The format of our tables, as the catalog states it. A file with a higher one is for a newer
version of this program."""

# Positions are never used again: the log always keeps its newest record, or a mark in its place.
# (AUTOINCREMENT would ensure that too, but costs a fifth of the time of each of the user's writes.)
_LOG = """CREATE TABLE {log} (
    position  INTEGER PRIMARY KEY,
    amount    INTEGER NOT NULL, -- 1: the row is a new image, -1: an old one, 0: a mark, no record
    logged_at REAL NOT NULL DEFAULT (julianday('now'))
) STRICT"""
_CATALOG = """CREATE TABLE {catalog} (
    format   INTEGER NOT NULL,
    epoch    INTEGER NOT NULL, -- goes up with every change of the next three
    source   TEXT NOT NULL,    -- the table that is tallied
    live     TEXT NOT NULL,    -- JSON: the tallies that readers see
    building TEXT NOT NULL,    -- JSON: those that a rebuild is filling
    position INTEGER NOT NULL, -- of the last change record that is in the tallies
    revision INTEGER NOT NULL  -- goes up whenever the tallies change
) STRICT"""
_PARKED = """CREATE TABLE {parked} (
    position   INTEGER NOT NULL,
    rows_table TEXT NOT NULL,
    tally      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    content    TEXT NOT NULL, -- JSON: the change record, whole
    parked_at  TEXT NOT NULL,
    PRIMARY KEY (position, rows_table)
) STRICT, WITHOUT ROWID"""
_LEASES = """CREATE TABLE {leases} (
    name    TEXT PRIMARY KEY,
    holder  TEXT NOT NULL,
    beat    INTEGER NOT NULL DEFAULT 0, -- its holder counts it on
    beat_at REAL NOT NULL DEFAULT 0     -- by the holder's clock; for people
) STRICT, WITHOUT ROWID"""


def is_there(connection: sqlite3.Connection, names: Names, where: object = "") -> bool:
    """Whether the prefix has tables in a format that this version knows.

    Raises:
        WrongStore: they are another program's, or a newer version's.
    """
    if not connection.execute(f"PRAGMA table_info({quoted(names.catalog)})").fetchone():
        return False
    if not _is_catalog(connection, names.catalog):
        raise WrongStore(
            f"The database has a table {names.catalog} of another program's; choose another"
            " prefix, like ?prefix=sales."
        )
    (form,) = connection.execute(f"SELECT max(format) FROM {quoted(names.catalog)}").fetchone()
    if form is None or form > FORMAT:
        raise WrongStore(
            f"The tallies with the prefix {names.prefix} in {where or 'the database'} have format"
            f" {form}, this version knows {FORMAT}; use a newer tallies."
        )
    return True


def _is_catalog(connection: sqlite3.Connection, table: str) -> bool:
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")}
    return {"format", "epoch", "source", "live", "building"} <= columns


def check_there(connection: sqlite3.Connection, names: Names, where: object) -> None:
    """Check that the prefix has tables.

    Raises:
        NotInitialised: it has none.
        WrongStore: they are another program's, or a newer version's.
    """
    if not is_there(connection, names, where):
        there = "".join(f"; it has ?prefix={prefix}" for prefix in prefixes(connection))
        raise NotInitialised(
            f"The database {where} has no tallies with the prefix {names.prefix} yet{there}; run"
            " `tallies init`."
        )


def prefixes(connection: sqlite3.Connection) -> list[str]:
    """The prefixes under which a database keeps tallies."""
    ending = Names("").catalog
    found = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, ?) = ?",
        (-len(ending), ending),
    ).fetchall()
    return [name.removesuffix(ending) for (name,) in found if _is_catalog(connection, name)]


def create(
    connection: sqlite3.Connection, names: Names, declared: Declaration, where: object
) -> bool:
    """Create the tables and triggers, in the caller's transaction; whether any were created.

    Raises:
        InvalidTally: the source does not exist, or cannot be tallied as declared.
        WrongStore: the names are taken, or other tallies are kept under them.
    """
    if is_there(connection, names, where):
        read_catalog(connection, names).check(declared, where)
        return False
    source = find_source(connection, declared.table or "")
    catalog = first_catalog(declared, names, source.name)
    check_columns(source, catalog.attributes)
    check_spelling(source, catalog.attributes)
    _check_free(connection, names, catalog)
    make(connection, names, catalog)
    if connection.execute(f"SELECT 1 FROM {quoted(source.name)} LIMIT 1").fetchone():
        connection.execute(
            f"INSERT INTO {quoted(names.leases)} (name, holder) VALUES (?, ?)", (SEED, "due")
        )
    return True


def is_seed_due(connection: sqlite3.Connection, names: Names) -> bool:
    """Whether rows that are older than the triggers are still to be counted."""
    sql = f"SELECT 1 FROM {quoted(names.leases)} WHERE name = ?"
    return connection.execute(sql, (SEED,)).fetchone() is not None


def seeded(connection: sqlite3.Connection, names: Names) -> None:
    """Note that all rows are counted, in the caller's transaction."""
    connection.execute(f"DELETE FROM {quoted(names.leases)} WHERE name = ?", (SEED,))


def make(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> None:
    """Create all tables and triggers for a catalog, in the caller's transaction."""
    for statement in (_LOG, _CATALOG, _PARKED, _LEASES):
        connection.execute(
            statement.format(
                log=quoted(names.log),
                catalog=quoted(names.catalog),
                parked=quoted(names.parked),
                leases=quoted(names.leases),
            )
        )
    connection.execute(
        f"INSERT INTO {quoted(names.catalog)} VALUES (?, ?, ?, ?, ?, 0, 0)",
        (FORMAT, catalog.epoch, catalog.source, dump(catalog.live), dump(())),
    )
    for version in catalog.live:
        make_rows(connection, version)
    follow(connection, names, catalog)


def make_rows(connection: sqlite3.Connection, version: TallyVersion) -> None:
    """Create the table for the rows of a tally, in the caller's transaction."""
    for statement in RowsTable(version).creation():
        connection.execute(statement)


def drop(connection: sqlite3.Connection, names: Names) -> bool:
    """Remove all that the prefix owns, in the caller's transaction; whether anything existed.

    Raises:
        WrongStore: the tables are another program's, or a newer version's.
    """
    if not is_there(connection, names):
        return False
    catalog = read_catalog(connection, names)
    drop_triggers(connection, names)
    for table in (*(version.table for version in catalog.all), *names.fixed):
        connection.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
    return True


def _check_free(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> None:
    wanted = {name.lower() for name in (*names.fixed, *(version.table for version in catalog.live))}
    for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall():
        if name.lower() in wanted:
            raise WrongStore(
                f"The database has a table {name} already, which is not ours; choose another"
                " prefix, like ?prefix=sales."
            )
