"""Troubles: what is wrong with the source or the triggers on it, and the repair of what can be."""

import sqlite3
from collections.abc import Iterator

from tallies.core.errors import InvalidTally
from tallies.stores.sqlite.catalog.catalog import Catalog, read_catalog
from tallies.stores.sqlite.catalog.follow import current_source, follow, is_followed
from tallies.stores.sqlite.catalog.schema import is_seed_due
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.source.source import check_columns, find_source
from tallies.stores.sqlite.source.triggers import KINDS


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
        yield (
            f"{error} What a tally needs can be declared anew with `tallies rebuild --declaration"
            " FILE`."
        )
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


def renew(connection: sqlite3.Connection, names: Names) -> None:
    """Create the triggers anew if the source's schema has changed, in the caller's transaction.

    A new unique index is a new way for rows to replace each other, and a newer trigger of another
    program fires before ours. Where triggers are gone, nothing is done: only a rebuild can find
    what was written meanwhile, and `status` says so.
    """
    catalog = read_catalog(connection, names)
    if not any(troubles(connection, names, catalog, renewable=False)):
        follow(connection, names, catalog)


def _missing(connection: sqlite3.Connection, names: Names, source: str) -> list[str]:
    there = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE",
            (source,),
        )
    }
    return [kind for kind in KINDS if names.trigger(kind) not in there]
