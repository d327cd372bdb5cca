"""Favorites on SQLite: their table, as a key-value store, in a file with its tallies."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import WrongStore
from tallies.core.times import canonical_time
from tallies.favorites.favorite import UNSET, Event, Favorite, Unset
from tallies.favorites.from_0_1 import FILE_VERSION, is_of_0_1, migrate
from tallies.favorites.tally import FAVORITES, favorites_declaration
from tallies.stores.clock import Clock, utc_now
from tallies.stores.layout import AS_IT_IS, LayoutWish
from tallies.stores.protocol import Progress, no_progress
from tallies.stores.sqlite import SqliteStore
from tallies.stores.sqlite.catalog import schema
from tallies.stores.sqlite.catalog.catalog import read_catalog
from tallies.stores.sqlite.connection.database import APPLICATION_ID, Synchronous, is_ours
from tallies.stores.sqlite.rows.names import DEFAULT_PREFIX
from tallies.stores.verified import Verified

TABLE = "favorites"

LOAD_CHUNK = 10_000
"""Events that `load` writes in one transaction: others wait some 0.1 s for it at most."""
SWEEP_CHUNK = 500
"""Expired rows that one transaction removes."""

_COLUMNS = "user_id, restaurant_id, created_at, note, expires_at"
# Looks first: running into an existing row costs more, since the triggers note that row.
_INSERT = (
    f"INSERT INTO favorites ({_COLUMNS}) SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS"
    " (SELECT 1 FROM favorites WHERE restaurant_id = ?2 AND user_id = ?1)"
)
_SELECT_LIVE = (
    f"SELECT {_COLUMNS} FROM favorites WHERE restaurant_id = ? AND user_id = ?"
    " AND (expires_at IS NULL OR expires_at > ?)"
)
_DELETE = "DELETE FROM favorites WHERE restaurant_id = ? AND user_id = ?"
_DELETE_EXPIRED_ROW = _DELETE + " AND expires_at <= ?"


_TIME = "____-__-__T__:__:__.______Z".replace("_", "[0-9]")
# They are there where only the tallies were dropped.
_TABLES = (
    f"""CREATE TABLE IF NOT EXISTS favorites (
    restaurant_id TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    created_at    TEXT NOT NULL CHECK (created_at GLOB '{_TIME}'),
    note          TEXT,
    expires_at    TEXT CHECK (expires_at GLOB '{_TIME}'),
    PRIMARY KEY (restaurant_id, user_id)
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS favorites_of_user"
    " ON favorites (user_id, created_at DESC, restaurant_id)",
    "CREATE INDEX IF NOT EXISTS favorites_by_expiry"
    " ON favorites (expires_at) WHERE expires_at IS NOT NULL",
)


class SqliteFavorites(SqliteStore):
    """Favorites and their tallies in one file: the five operations, a user's list, the bulk load.

    Threads and processes may share it.
    """

    def __init__(
        self,
        path: str | Path,
        declared: Declaration | None = None,
        *,
        prefix: str = DEFAULT_PREFIX,
        synchronous: Synchronous = "normal",
        clock: Clock = utc_now,
    ) -> None:
        """`declared` is what the file has to keep; None for what it keeps, or the usual windows.

        Raises:
            InvalidTally: it is not a declaration of favorites.
        """
        if declared is not None:
            declared = favorites_declaration(declared, TABLE)
        super().__init__(path, declared, prefix=prefix, synchronous=synchronous, clock=clock)

    @property
    def favorites_table(self) -> str:
        return TABLE

    def init(self, *, progress: Progress = no_progress) -> bool:
        """Make the file and its tables where they are missing; return whether anything was made.

        Favorites that are there, since only the tallies were dropped, are counted.

        Raises:
            WrongStore: the file is another program's, or keeps something else.
        """
        made = self.database.create(self._make, new=True)
        return self._seed(progress) or made

    def _make(self, connection: sqlite3.Connection) -> bool:
        migrated = migrate(connection, self.names)
        if schema.is_there(connection, self.names, self.path):
            if self._declared is not None:
                read_catalog(connection, self.names).check(self._declared, self.path)
            return migrated
        self._refuse_others(connection)
        if not is_ours(connection):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FILE_VERSION}")
        for statement in _TABLES:
            connection.execute(statement)
        declared = self._declared or Declaration([FAVORITES], TABLE)
        return schema.create(connection, self.names, declared, self.path)

    def _check(self, connection: sqlite3.Connection) -> None:
        if is_of_0_1(connection):
            connection.execute("BEGIN IMMEDIATE")
            try:
                migrate(connection, self.names)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        if not schema.is_there(connection, self.names, self.path):
            self._refuse_others(connection)
        super()._check(connection)

    def _refuse_others(self, connection: sqlite3.Connection) -> None:
        """Check that a database without our tables is empty, or a file that we have made."""
        if not is_ours(connection, or_empty=True):
            there = ", ".join(f"?prefix={prefix}" for prefix in schema.prefixes(connection))
            but = f" with the prefix {self.names.prefix}, but those of {there}" if there else ""
            raise WrongStore(
                f"The database {self.path} keeps no tallies{but}; `tallies init --declaration FILE`"
                " makes some of one of its tables. Favorites belong into a file of their own."
            )

    def differs(self, declared: Declaration | None = None, layout: LayoutWish = AS_IT_IS) -> str:
        return super().differs(_of_favorites(declared), layout)

    def rebuild(
        self,
        declared: Declaration | None = None,
        *,
        layout: LayoutWish = AS_IT_IS,
        in_this_region: bool = False,
        read_units: float | None = None,
        processes: int | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        return super().rebuild(
            _of_favorites(declared),
            layout=layout,
            in_this_region=in_this_region,
            read_units=read_units,
            processes=processes,
            progress=progress,
        )

    def tidy(self) -> bool:
        """Also remove favorites past their expiry."""
        more = self.sweep() == SWEEP_CHUNK
        return more or super().tidy()

    def now(self) -> str:
        """The present moment in canonical form."""
        return canonical_time(self._clock())

    def mark(
        self, user_id: str, restaurant_id: str, *, created_at: str | None = None
    ) -> tuple[Favorite, bool]:
        now = self.now()
        favorite = Favorite(user_id, restaurant_id, created_at or now)
        with self.database.writing() as connection:
            if connection.execute(_INSERT, favorite).rowcount == 1:
                return favorite, True
            row = connection.execute(_SELECT_LIVE, (restaurant_id, user_id, now)).fetchone()
            if row is not None:
                return Favorite(*row), False
            # The row in the way is past its expiry: replace it.
            connection.execute(_DELETE_EXPIRED_ROW, (restaurant_id, user_id, now))
            connection.execute(_INSERT, favorite)
        return favorite, True

    def put(
        self, user_id: str, restaurant_id: str, *, note: str | None, expires_at: str | None
    ) -> tuple[Favorite, bool]:
        now = self.now()
        wanted = Favorite(user_id, restaurant_id, now, note, expires_at)
        with self.database.writing() as connection:
            connection.execute(_DELETE_EXPIRED_ROW, (restaurant_id, user_id, now))
            if connection.execute(_INSERT, wanted).rowcount == 1:
                return wanted, True
            row = connection.execute(
                "UPDATE favorites SET note = ?, expires_at = ?"
                f" WHERE restaurant_id = ? AND user_id = ? RETURNING {_COLUMNS}",
                (note, expires_at, restaurant_id, user_id),
            ).fetchone()
            return Favorite(*row), False

    def get(self, user_id: str, restaurant_id: str) -> Favorite | None:
        with self.database.connection() as connection:
            row = connection.execute(_SELECT_LIVE, (restaurant_id, user_id, self.now())).fetchone()
        return None if row is None else Favorite(*row)

    def update(
        self,
        user_id: str,
        restaurant_id: str,
        *,
        note: str | Unset | None = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> Favorite | None:
        now = self.now()
        with self.database.writing() as connection:
            row = connection.execute(_SELECT_LIVE, (restaurant_id, user_id, now)).fetchone()
            if row is None:
                return None
            favorite = Favorite(*row)
            if note is not UNSET:
                favorite = favorite._replace(note=note)
            if expires_at is not UNSET:
                favorite = favorite._replace(expires_at=expires_at)
            connection.execute(
                "UPDATE favorites SET note = ?, expires_at = ?"
                " WHERE restaurant_id = ? AND user_id = ?",
                (favorite.note, favorite.expires_at, restaurant_id, user_id),
            )
        return favorite

    def unmark(self, user_id: str, restaurant_id: str) -> bool:
        with self.database.writing() as connection:
            return connection.execute(_DELETE, (restaurant_id, user_id)).rowcount == 1

    def favorites_of(
        self, user_id: str, limit: int, after: tuple[str, str] | None = None
    ) -> list[Favorite]:
        created_at, restaurant_id = after or ("~", "")  # `~` is after every timestamp
        with self.database.connection() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM favorites WHERE user_id = ?"
                " AND created_at <= ? AND (created_at < ? OR restaurant_id > ?)"
                " AND (expires_at IS NULL OR expires_at > ?)"
                " ORDER BY created_at DESC, restaurant_id LIMIT ?",
                (user_id, created_at, created_at, restaurant_id, self.now(), limit),
            ).fetchall()
        return [Favorite(*row) for row in rows]

    def favorites_among(self, user_id: str, restaurant_ids: Sequence[str]) -> list[Favorite]:
        with self.database.connection() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM favorites"
                " WHERE restaurant_id IN (SELECT value FROM json_each(?)) AND user_id = ?"
                " AND (expires_at IS NULL OR expires_at > ?)"
                " ORDER BY created_at DESC, restaurant_id",
                (json.dumps(restaurant_ids), user_id, self.now()),
            ).fetchall()
        return [Favorite(*row) for row in rows]

    def load(self, events: Iterable[Event]) -> Iterator[int]:
        done = 0
        stream = iter(events)
        while chunk := list(islice(stream, LOAD_CHUNK)):
            now = self.now()
            with self.database.writing() as connection:
                connection.execute("DELETE FROM favorites WHERE expires_at <= ?", (now,))
                for op, run in groupby(chunk, key=_op):
                    if op == "mark":
                        connection.executemany(
                            _INSERT, ((u, r, t, None, None) for u, r, t, _ in run)
                        )
                    else:
                        connection.executemany(_DELETE, ((r, u) for u, r, _, _ in run))
            done += len(chunk)
            yield done

    def sweep(self) -> int:
        """Remove rows past their expiry, which counts as a removal; how many it removed."""
        now = self.now()
        due = "SELECT restaurant_id, user_id FROM favorites WHERE expires_at <= ? LIMIT ?"
        with self.database.connection() as connection:
            if connection.execute(due, (now, 1)).fetchone() is None:
                return 0  # the usual case takes no write lock
        with self.database.writing() as connection:
            rows = connection.execute(due, (now, SWEEP_CHUNK)).fetchall()
            connection.executemany(_DELETE, rows)
        return len(rows)


def _of_favorites(declared: Declaration | None) -> Declaration | None:
    return None if declared is None else favorites_declaration(declared, TABLE)


def _op(event: Event) -> str:
    return event.op
