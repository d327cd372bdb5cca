"""Following the source: its triggers log all that the tallies read, even if it is renamed."""

import sqlite3
from collections.abc import Sequence

from tallies.stores.sqlite.catalog.catalog import Catalog, write_catalog
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.source.source import SourceTable, check_columns, find_source
from tallies.stores.sqlite.source.triggers import (
    KINDS,
    drop_triggers,
    log_column,
    notes_tables,
    triggers,
)


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
