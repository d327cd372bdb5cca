"""The designs on SQLite: one file each, write-ahead log, the same durability."""

import sqlite3
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from tallies.favorites.favorite import Event, Favorite
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.operate.compare.designs import NAIVE, SCAN, SECOND, STREAM, Counts, Design, windows_of

BATCH = 1_000
"""Records that the unguarded consumer takes at a time."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS favorites (
    restaurant_id TEXT, user_id TEXT, created_at TEXT NOT NULL, PRIMARY KEY (restaurant_id, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS of_user ON favorites (user_id, created_at DESC, restaurant_id);
CREATE TABLE IF NOT EXISTS counts (
    g TEXT, w TEXT, n INTEGER NOT NULL, PRIMARY KEY (g, w)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ranking ON counts (w, n DESC, g);
CREATE TABLE IF NOT EXISTS log (
    position INTEGER PRIMARY KEY AUTOINCREMENT, amount INTEGER, g TEXT, created_at TEXT
);
CREATE TABLE IF NOT EXISTS checkpoint (position INTEGER);
"""
_LOGGED = """
CREATE TRIGGER IF NOT EXISTS made AFTER INSERT ON favorites BEGIN
    INSERT INTO log (amount, g, created_at) VALUES (1, new.restaurant_id, new.created_at);
END;
CREATE TRIGGER IF NOT EXISTS gone AFTER DELETE ON favorites BEGIN
    INSERT INTO log (amount, g, created_at) VALUES (-1, old.restaurant_id, old.created_at);
END;
"""
_ADD = "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"


def on_sqlite(name: str, folder: Path) -> Design:
    """A design whose file is in a folder, made if it is not there."""
    path = folder / "design.db"
    if name == STREAM:
        return _Tallies(path)
    if name == NAIVE:
        return _Naive(path)
    if name == SCAN:
        return _Scan(path)
    return _SecondWrite(path, together=name != SECOND)


class _Tallies:
    in_background = True
    read_units = 0.0

    def __init__(self, path: Path) -> None:
        self._store = SqliteFavorites(path)
        self._store.init()
        self._aggregator = self._store.aggregator()
        self.write_units = 0.0
        # As bare as the peers' writes: this compares designs, not the store's other work.
        self._writer = _connect(path)
        self._on_the_way: deque[Event] = deque()

    def write(self, event: Event) -> None:
        pair = event.restaurant_id, event.user_id
        if event.op == "mark":
            done = self._writer.execute(
                "INSERT OR IGNORE INTO favorites (restaurant_id, user_id, created_at)"
                " VALUES (?, ?, ?)",
                (*pair, event.created_at),
            )
        else:
            done = self._writer.execute(
                "DELETE FROM favorites WHERE restaurant_id = ? AND user_id = ?", pair
            )
        if done.rowcount:
            self._on_the_way.append(event)

    def carry(self) -> int:
        records = self._aggregator.step().records
        if records:
            folded = [
                self._on_the_way.popleft() for _ in range(min(records, len(self._on_the_way)))
            ]
            touched = {(e.restaurant_id, w) for e in folded for w in windows_of(e.created_at)}
            self.write_units += len(touched) + 1  # and the position
        return records

    def counts(self) -> Counts:
        rows = self._store.rows()
        return {(row.group, row.window): int(row.values["favorites"]) for row in rows}

    def favorites(self) -> Iterable[Favorite]:
        with sqlite3.connect(self._store.path) as connection:
            yield from _favorites(connection)

    def close(self) -> None:
        self._writer.close()
        self._store.close()


class _Plain:
    """What the peers have in common: the source, and counts beside it."""

    in_background = False
    read_units = 0.0
    script = _SCHEMA

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        self._consumer = _connect(path)
        self._connection.executescript(self.script)
        self.write_units = 0.0

    def write(self, event: Event) -> None:
        self._change(event)

    def _change(self, event: Event) -> str | None:
        """Write the favorite; the time of the row that came or went, None if none did."""
        pair = event.restaurant_id, event.user_id
        if event.op == "mark":
            done = self._connection.execute(
                "INSERT OR IGNORE INTO favorites VALUES (?, ?, ?)", (*pair, event.created_at)
            )
            return event.created_at if done.rowcount else None
        gone = self._connection.execute(
            "DELETE FROM favorites WHERE restaurant_id = ? AND user_id = ? RETURNING created_at",
            pair,
        ).fetchall()
        return gone[0][0] if gone else None

    def _count(
        self, connection: sqlite3.Connection, group: str, created_at: str, amount: int
    ) -> None:
        for window in windows_of(created_at):
            connection.execute(_ADD, (group, window, amount))
            self.write_units += 1

    def carry(self) -> int:
        return 0

    def counts(self) -> Counts:
        rows = self._connection.execute("SELECT g, w, n FROM counts WHERE n <> 0")
        return {(group, window): count for group, window, count in rows}

    def favorites(self) -> Iterable[Favorite]:
        return _favorites(self._connection)

    def close(self) -> None:
        self._consumer.close()
        self._connection.close()


class _SecondWrite(_Plain):
    """The application adds to the counts itself, after the favorite or together with it."""

    def __init__(self, path: Path, *, together: bool) -> None:
        super().__init__(path)
        self._together = together

    def write(self, event: Event) -> None:
        if self._together:
            self._connection.execute("BEGIN IMMEDIATE")
        created_at = self._change(event)
        # Each write by itself is right; a kill between them is not.
        if not self._together:
            self._connection.execute("BEGIN IMMEDIATE")
        if created_at is not None:
            self._count(
                self._connection, event.restaurant_id, created_at, 1 if event.op == "mark" else -1
            )
        self._connection.execute("COMMIT")


class _Naive(_Plain):
    """As the public samples do it: each record is added, then the batch is checked off."""

    in_background = True
    script = _SCHEMA + _LOGGED

    def carry(self) -> int:
        (at,) = self._consumer.execute("SELECT max(position) FROM checkpoint").fetchone()
        records = self._consumer.execute(
            "SELECT position, amount, g, created_at FROM log WHERE position > ? LIMIT ?",
            (at or 0, BATCH),
        ).fetchall()
        for _, amount, group, created_at in records:
            self._count(self._consumer, group, created_at, amount)
        if records:
            self._consumer.execute("INSERT INTO checkpoint VALUES (?)", (records[-1][0],))
        return len(records)


class _Scan(_Plain):
    """Counts everything anew."""

    def carry(self) -> int:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM counts")
        for cut in ("'all'", "substr(created_at, 1, 7)", "substr(created_at, 1, 10)"):
            done = connection.execute(
                f"INSERT INTO counts SELECT restaurant_id, {cut}, count(*) FROM favorites"  # noqa: S608 # one of the three above
                " GROUP BY 1, 2"
            )
            self.write_units += done.rowcount
        (rows,) = connection.execute("SELECT count(*) FROM favorites").fetchone()
        self.read_units += rows
        connection.execute("COMMIT")
        return 0


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _favorites(connection: sqlite3.Connection) -> Iterable[Favorite]:
    for row in connection.execute("SELECT user_id, restaurant_id, created_at FROM favorites"):
        yield Favorite(*row)
