"""The tables of a prefix: created, brought up to date, checked, removed again.

They are in one database beside the tables of other programs. Nothing but our own tables and
triggers is ever changed.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidTally, NotInitialised, WrongStore
from tallies.stores.sqlite.catalog.catalog import (
    Catalog,
    TallyVersion,
    dump,
    first_catalog,
    read_catalog,
    write_catalog,
)
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.rows.rows import RowsTable
from tallies.stores.sqlite.source.source import SourceTable, check_columns, find_source
from tallies.stores.sqlite.source.triggers import (
    KINDS,
    drop_triggers,
    log_column,
    notes_tables,
    triggers,
)

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
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({quoted(names.catalog)})")}
    if not columns:
        return False
    if not {"format", "epoch", "source", "live", "building"} <= columns:
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


def check_there(connection: sqlite3.Connection, names: Names, where: object) -> None:
    """Check that the prefix has tables.

    Raises:
        NotInitialised: it has none.
        WrongStore: they are another program's, or a newer version's.
    """
    if not is_there(connection, names, where):
        raise NotInitialised(
            f"The database {where} has no tallies with the prefix {names.prefix} yet; run"
            " `tallies init`."
        )


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


def renew(connection: sqlite3.Connection, names: Names) -> None:
    """Create the triggers anew if the source's schema has changed, in the caller's transaction.

    A new unique index is a new way for rows to replace each other, and a newer trigger of another
    program fires before ours. Where triggers are gone, nothing is done: only a rebuild can find
    what was written meanwhile, and `status` says so.
    """
    catalog = read_catalog(connection, names)
    if not any(troubles(connection, names, catalog, renewable=False)):
        follow(connection, names, catalog)


def is_followed(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> bool:
    """Whether the triggers are those that the table, as it is now, needs."""
    source = find_source(connection, catalog.source)
    wanted = set(triggers(names, source, logged_attributes(source, catalog)))
    there = {
        sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
    }
    return wanted <= there and are_newest(connection, names, source.name)


def follow(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> Catalog:
    """Have the triggers log what the tallies of a catalog read, in the caller's transaction.

    They are created anew, so they are the newest triggers of the table. The returned catalog has
    the present name of the source.

    Raises:
        InvalidTally: the source is not there, or lacks a column.
    """
    name = current_source(connection, names, catalog)
    if name != catalog.source:
        catalog = Catalog(catalog.epoch, name, catalog.live, catalog.building)
        write_catalog(connection, names, catalog)
    source = find_source(connection, catalog.source)
    # A new tally does not need the columns of the old ones: these may be gone, or renamed.
    check_columns(source, needed(catalog))
    drop_triggers(connection, names)
    attributes = logged_attributes(source, catalog)
    log = quoted(names.log)
    there = {row[1].lower() for row in connection.execute(f"PRAGMA table_info({log})")}
    for attribute in attributes:
        if log_column(attribute).lower() not in there:
            connection.execute(f"ALTER TABLE {log} ADD COLUMN {quoted(log_column(attribute))} ANY")
    for table in names.insert_conflicts, names.update_conflicts:
        connection.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
    for statement in (
        *notes_tables(names, source, attributes),
        *triggers(names, source, attributes),
    ):
        connection.execute(statement)
    return catalog


def needed(catalog: Catalog) -> Sequence[str]:
    """The columns that must exist: those of the tallies being built, or else of the live ones."""
    some = catalog.building or catalog.live
    return tuple(dict.fromkeys(name for version in some for name in version.tally.attributes))


def logged_attributes(source: SourceTable, catalog: Catalog) -> tuple[str, ...]:
    """What the log holds of a row: what some tally reads, and its primary key."""
    columns = {name.lower() for name in source.columns}
    read = [name for name in catalog.attributes if name.lower() in columns]
    there = {name.lower() for name in read}
    more = (name for name in source.primary_key if name.lower() not in there)
    return (*read, *more)


def current_source(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> str:
    """The name of the source: the new one if it was renamed, which its triggers show."""
    there = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE",
        (catalog.source,),
    ).fetchone()
    on = connection.execute(
        "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name = ?",
        (names.trigger("insert"),),
    ).fetchone()
    return catalog.source if there or on is None else str(on[0])


def troubles(
    connection: sqlite3.Connection, names: Names, catalog: Catalog, *, renewable: bool = True
) -> Iterator[str]:
    """What is wrong with the source or the triggers on it, one sentence each.

    With `renewable`, also what is not counted yet, and what an aggregator repairs within a second.
    """
    if renewable and is_seed_due(connection, names):
        yield (
            f"Rows that the table {catalog.source} had before are not counted yet; run"
            " `tallies init` again, or `tallies rebuild`."
        )
    name = current_source(connection, names, catalog)
    if name != catalog.source:
        yield (
            f"The table {catalog.source} is called {name} now; it is counted as before, and"
            " `tallies rebuild` takes the new name."
        )
    try:
        source = find_source(connection, name)
        check_columns(source, catalog.attributes)
    except InvalidTally as error:
        yield f"{error} What a tally needs can be declared anew with `tallies rebuild`."
        return
    if missing := _missing(connection, names, source.name):
        yield (
            f"Triggers on the table {source.name} are gone ({len(missing)} of {len(KINDS)}), as"
            " when a table is made anew: what was written since is not counted; run"
            " `tallies rebuild`."
        )
        return
    if renewable and name == catalog.source and not is_followed(connection, names, catalog):
        yield (
            f"The table {source.name} has a new trigger or unique index, for which the triggers of"
            " tallies must be made anew; whatever aggregates does that (`tallies serve`, `tallies"
            " worker`), and `tallies verify` tells whether a row was missed before."
        )
    table = quoted(source.name)
    try:
        connection.execute(f"EXPLAIN DELETE FROM {table}")
        connection.execute(f"EXPLAIN INSERT INTO {table} DEFAULT VALUES")
    except sqlite3.Error as error:
        yield (
            f"Writes to the table {source.name} fail ({error}); if a trigger of tallies is the"
            " reason, `tallies rebuild` makes it anew and `tallies drop` takes it away."
        )


def are_newest(connection: sqlite3.Connection, names: Names, source: str) -> bool:
    """Whether no trigger on the source is newer than ours; SQLite fires the newest first."""
    ours = [names.trigger(kind) for kind in KINDS]
    marks = ", ".join("?" * len(ours))
    (newer,) = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
        f" AND rowid > (SELECT min(rowid) FROM sqlite_schema WHERE name IN ({marks}))"
        f" AND name NOT IN ({marks})",
        (source, *ours, *ours),
    ).fetchone()
    return not newer


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


def end_of_log(connection: sqlite3.Connection, names: Names) -> int:
    """The position of the newest change record; 0 before the first."""
    (newest,) = connection.execute(f"SELECT max(position) FROM {quoted(names.log)}").fetchone()
    return newest or 0


def mark_end(connection: sqlite3.Connection, names: Names, position: int) -> None:
    """Make positions continue after this one, though its record is gone."""
    connection.execute(
        f"INSERT OR IGNORE INTO {quoted(names.log)} (position, amount) VALUES (?, 0)", (position,)
    )


def _missing(connection: sqlite3.Connection, names: Names, source: str) -> list[str]:
    there = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE",
            (source,),
        )
    }
    return [kind for kind in KINDS if names.trigger(kind) not in there]


def _check_free(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> None:
    wanted = {name.lower() for name in (*names.fixed, *(version.table for version in catalog.live))}
    for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall():
        if name.lower() in wanted:
            raise WrongStore(
                f"The database has a table {name} already, which is not ours; choose another"
                " prefix, like ?prefix=sales."
            )
