"""The suite on the embedded store."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tallies.favorites.on_sqlite import SqliteFavorites
from tests.conformance.backend import Backend, ManualClock
from tests.conformance.suite import StoreSuite


class SqliteBackend(Backend):
    def __init__(self, folder: Path, number: int = 0) -> None:
        self.folder = folder
        self.number = number
        self.clock = ManualClock()
        self.store: SqliteFavorites = SqliteFavorites(folder / f"{number}.db", clock=self.clock)
        self.store.init()

    def settle(self) -> None:
        aggregator = self.store.aggregator()
        while aggregator.step().records:
            pass

    def step(self, records: int) -> None:
        self.store.aggregator(batch=records).step()

    def expire(self) -> None:
        while self.store.sweep():
            pass

    def plant(self, group: str, window: str, favorites: int) -> None:
        with closing(sqlite3.connect(self.store.path)) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO tallies_favorites VALUES (?, ?, ?, 'by hand')",
                (group, window, favorites),
            )

    def poison(self, user: str, restaurant: str) -> None:
        with closing(sqlite3.connect(self.store.path)) as connection, connection:
            connection.execute(
                "INSERT INTO favorites (restaurant_id, user_id, created_at)"
                " VALUES (?, ?, '2082-02-30T00:00:00.000000Z')",
                (restaurant, user),
            )

    def again(self) -> "SqliteBackend":
        self.store.close()
        self.number += 1
        return SqliteBackend(self.folder, self.number)


class TestSqlite(StoreSuite):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        backend = SqliteBackend(tmp_path)
        yield backend
        backend.store.close()
