"""The tables of the one file, and how an older file becomes a newer one."""

import sqlite3
from pathlib import Path

from tallies.core.errors import NotInitialised, WrongStore

APPLICATION_ID = 0x54_41_4C_59
"""`TALY`: tells our files from other SQLite databases (https://sqlite.org/pragma.html)."""

_TIME = "____-__-__T__:__:__.______Z".replace("_", "[0-9]")

# The change log is written by triggers, inside the transaction of the write itself: there is no
# write without its record and no record without its write. Only what a tally reads is logged, so
# a change of note or expiry leaves no record. AUTOINCREMENT: positions are never used again,
# even after the log has been trimmed to nothing.
_FIRST = f"""
CREATE TABLE favorites (
    restaurant_id TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_at    TEXT NOT NULL CHECK (created_at GLOB '{_TIME}'),
    note          TEXT,
    expires_at    TEXT CHECK (expires_at GLOB '{_TIME}'),
    PRIMARY KEY (restaurant_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX favorites_of_user ON favorites (user_id, created_at DESC, restaurant_id);
CREATE INDEX favorites_by_expiry ON favorites (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE changes (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    amount        INTEGER NOT NULL, -- 1: the row is a new image, -1: it is an old one
    restaurant_id TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    logged_at     REAL NOT NULL DEFAULT (julianday('now'))
) STRICT;
CREATE TRIGGER favorite_made AFTER INSERT ON favorites BEGIN
    INSERT INTO changes (amount, restaurant_id, user_id, created_at)
    VALUES (1, new.restaurant_id, new.user_id, new.created_at);
END;
CREATE TRIGGER favorite_removed AFTER DELETE ON favorites BEGIN
    INSERT INTO changes (amount, restaurant_id, user_id, created_at)
    VALUES (-1, old.restaurant_id, old.user_id, old.created_at);
END;
CREATE TRIGGER favorite_moved AFTER UPDATE OF restaurant_id, created_at ON favorites
WHEN old.restaurant_id <> new.restaurant_id OR old.created_at <> new.created_at BEGIN
    INSERT INTO changes (amount, restaurant_id, user_id, created_at)
    VALUES (-1, old.restaurant_id, old.user_id, old.created_at),
           (1, new.restaurant_id, new.user_id, new.created_at);
END;

CREATE TABLE tallies (
    "group"     TEXT NOT NULL,
    time_window TEXT NOT NULL,
    favorites   INTEGER NOT NULL,
    updated_at  TEXT NOT NULL,
    PRIMARY KEY ("group", time_window)
) STRICT, WITHOUT ROWID;
CREATE INDEX ranking ON tallies (time_window, favorites DESC, "group");

CREATE TABLE positions (
    shard    TEXT PRIMARY KEY,
    position INTEGER NOT NULL, -- of the last change record that is in the tallies
    revision INTEGER NOT NULL  -- goes up whenever the tallies change
) STRICT, WITHOUT ROWID;
INSERT INTO positions VALUES ('log', 0, 0);

CREATE TABLE parked (
    position  INTEGER NOT NULL,
    tally     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    content   TEXT NOT NULL, -- JSON: the change record, whole
    parked_at TEXT NOT NULL,
    PRIMARY KEY (position, tally)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    expires_at REAL NOT NULL -- seconds since 1970
) STRICT, WITHOUT ROWID;
"""

# What is kept may be declared anew; until then it is what it was when this was written.
_SECOND = """
CREATE TABLE kept (
    epoch    INTEGER NOT NULL, -- goes up with every change of the rest
    live     TEXT NOT NULL,    -- JSON: the tally that readers see
    building TEXT              -- JSON: the one that a rebuild is filling
) STRICT;
INSERT INTO kept (epoch, live) VALUES (1, json_object(
    'name', 'favorites',
    'group_by', json_array('restaurant_id'),
    'measures', json_object('favorites', 'count'),
    'time', 'created_at',
    'windows', json_array('all', 'month', 'day'),
    'ranked', json_array('all', 'month', 'day'),
    'in_place', json('false')
));
"""

# A lease lives by beats, not by a time that its holder's clock says.
_THIRD = """
ALTER TABLE leases ADD COLUMN beat INTEGER NOT NULL DEFAULT 0; -- its holder counts it on
ALTER TABLE leases ADD COLUMN beat_at REAL NOT NULL DEFAULT 0; -- by the holder's clock; for people
ALTER TABLE leases DROP COLUMN expires_at;
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD)
"""Migration N takes a file from version N to N + 1. Never edit one that has been released."""

VERSION = len(MIGRATIONS)


def create(connection: sqlite3.Connection, path: Path) -> bool:
    """Bring the file to the newest version. Whether anything had to be done.

    Raises:
        WrongStore: the file belongs to another program, or to a newer version of this one.
    """
    if _version(connection, path) == VERSION:
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again under the lock: another process may have been faster.
        version = _version(connection, path)
        for migration in MIGRATIONS[version:]:
            _run(connection, migration)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return version < VERSION


def check(connection: sqlite3.Connection, path: Path) -> None:
    """See that the file is ours; bring an older one up to date.

    Raises:
        NotInitialised: it is an empty database.
        WrongStore: it belongs to another program, or to a newer version of this one.
    """
    if _version(connection, path) == 0:
        raise NotInitialised(f"The store {path} has no tables yet; run `tallies init`.")
    create(connection, path)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if objects == 0 and not application and not version:
        return 0
    if application != APPLICATION_ID:
        raise WrongStore(f"The database {path} belongs to another program; name another file.")
    if version > VERSION:
        raise WrongStore(
            f"The store {path} has schema {version}, this tallies knows {VERSION};"
            " use a newer tallies."
        )
    return int(version)


def _run(connection: sqlite3.Connection, script: str) -> None:
    # Not executescript: that one commits first, and a migration must be in one transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
