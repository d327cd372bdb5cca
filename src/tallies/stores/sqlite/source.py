"""The source table: favorites, as a key-value store. Its triggers write the change log."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice

from tallies.core.times import canonical_time
from tallies.stores.protocol import UNSET, Clock, Event, Favorite, Unset
from tallies.stores.sqlite.database import Database

LOAD_CHUNK = 10_000
"""Events that `load` writes in one transaction: others wait some 0.1 s for it at most."""
SWEEP_CHUNK = 500
"""Expired rows that one transaction removes."""

_COLUMNS = "user_id, restaurant_id, created_at, note, expires_at"
_INSERT = f"INSERT INTO favorites ({_COLUMNS}) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_SELECT_LIVE = (
    f"SELECT {_COLUMNS} FROM favorites WHERE restaurant_id = ? AND user_id = ?"
    " AND (expires_at IS NULL OR expires_at > ?)"
)
_DELETE = "DELETE FROM favorites WHERE restaurant_id = ? AND user_id = ?"
_DELETE_EXPIRED_ROW = _DELETE + " AND expires_at <= ?"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Source:
    """The five operations of a key-value table, a user's list, and the bulk load."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> str:
        """The present moment in canonical form."""
        return canonical_time(self._clock())

    def mark(
        self, user_id: str, restaurant_id: str, *, created_at: str | None = None
    ) -> tuple[Favorite, bool]:
        now = self.now()
        favorite = Favorite(user_id, restaurant_id, created_at or now)
        with self._database.writing() as connection:
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
        with self._database.writing() as connection:
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
        with self._database.connection() as connection:
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
        with self._database.writing() as connection:
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
        with self._database.writing() as connection:
            return connection.execute(_DELETE, (restaurant_id, user_id)).rowcount == 1

    def favorites_of(
        self, user_id: str, limit: int, after: tuple[str, str] | None = None
    ) -> list[Favorite]:
        created_at, restaurant_id = after or ("~", "")  # `~` is after every timestamp
        with self._database.connection() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM favorites WHERE user_id = ?"
                " AND created_at <= ? AND (created_at < ? OR restaurant_id > ?)"
                " AND (expires_at IS NULL OR expires_at > ?)"
                " ORDER BY created_at DESC, restaurant_id LIMIT ?",
                (user_id, created_at, created_at, restaurant_id, self.now(), limit),
            ).fetchall()
        return [Favorite(*row) for row in rows]

    def favorites_among(self, user_id: str, restaurant_ids: Sequence[str]) -> list[Favorite]:
        with self._database.connection() as connection:
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
            with self._database.writing() as connection:
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
        with self._database.connection() as connection:
            if connection.execute(due, (now, 1)).fetchone() is None:
                return 0  # the usual case takes no write lock
        with self._database.writing() as connection:
            rows = connection.execute(due, (now, SWEEP_CHUNK)).fetchall()
            connection.executemany(_DELETE, rows)
        return len(rows)


def _op(event: Event) -> str:
    return event.op
