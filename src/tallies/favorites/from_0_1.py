"""Files of version 0.1, which kept only favorites, become files of today, in place."""

import json
import sqlite3

from tallies.core.declaration.declaration import spec_of, tally_of
from tallies.core.errors import WrongStore
from tallies.favorites.tally import FAVORITES
from tallies.stores.sqlite.catalog import schema
from tallies.stores.sqlite.catalog.catalog import FIRST_EPOCH, Catalog, TallyVersion
from tallies.stores.sqlite.connection.database import APPLICATION_ID
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.source.log import mark_end

FILE_VERSION = 4
"""The version that a file of today says to a program of 0.1, which refuses it with one sentence."""
_TRIGGERS = ("favorite_made", "favorite_removed", "favorite_moved")


def is_of_0_1(connection: sqlite3.Connection) -> bool:
    """Whether this is a file that a version 0.1 made."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(application == APPLICATION_ID and 0 < version < FILE_VERSION)


def migrate(connection: sqlite3.Connection, names: Names) -> bool:
    """Bring a file of 0.1 up to date, in the caller's transaction; whether it was one.

    Raises:
        WrongStore: the file is a newer version's.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID and version > FILE_VERSION:
        raise WrongStore(f"The file has version {version}, this tallies knows {FILE_VERSION}.")
    if application != APPLICATION_ID or version == FILE_VERSION:
        return False
    if version == 0:
        connection.execute(f"PRAGMA user_version = {FILE_VERSION}")
        return False
    for trigger in _TRIGGERS:
        connection.execute(f"DROP TRIGGER {trigger}")
    live = spec_of(FAVORITES)  # the only one before others could be declared
    if version > 1:
        # What was being built is begun anew by the next rebuild.
        (text,) = connection.execute("SELECT live FROM kept").fetchone()
        live = {**json.loads(text), "name": "favorites"}
        connection.execute("DROP TABLE kept")
        connection.execute("DROP TABLE IF EXISTS tallies_building")
    version = TallyVersion(tally_of(live), names.rows("favorites", FIRST_EPOCH))
    position, revision = connection.execute("SELECT position, revision FROM positions").fetchone()
    schema.make(connection, names, Catalog(FIRST_EPOCH, "favorites", (version,)))
    connection.execute(
        f"UPDATE {quoted(names.catalog)} SET position = ?, revision = ?", (position, revision + 1)
    )
    log = quoted(names.log)
    connection.execute(
        f"INSERT INTO {log} (position, amount, logged_at, row_restaurant_id, row_user_id,"
        " row_created_at) SELECT position, amount, logged_at, restaurant_id, user_id, created_at"
        " FROM changes ORDER BY position"
    )
    # Positions continue where they were, even if the log is empty.
    used = "SELECT seq FROM sqlite_sequence WHERE name = 'changes'"
    for (end,) in connection.execute(used).fetchall():
        mark_end(connection, names, end)
    rows = quoted(version.table)
    connection.execute(f"DROP TABLE {rows}")
    connection.execute(f"ALTER TABLE tallies RENAME TO {rows}")
    connection.execute(
        f"INSERT INTO {quoted(names.parked)} SELECT position, ?, 'favorites', reason, content,"
        " parked_at FROM parked WHERE tally = 'favorites'",
        (version.table,),
    )
    for table in ("changes", "positions", "parked", "leases"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"PRAGMA user_version = {FILE_VERSION}")
    return True
