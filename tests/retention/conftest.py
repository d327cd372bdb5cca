"""Stores whose days are kept for two days, and whose hours no longer than they last."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.dynamodb.rows.keys import is_reserved
from tests.conformance.backend import Backend, ManualClock
from tests.conformance.test_dynamodb import DynamoBackend
from tests.conformance.test_sqlite import SqliteBackend
from tests.engines import DynamoDBAccount

TEXT = """
[[tally]]
name = "favorites"
group_by = "restaurant_id"
time = "created_at"
windows = ["all", "month", "day", "hour"]
ranked = ["all", "day"]
retention_days = { day = 2, hour = 0 }
measures = { favorites = "count" }
in_place = false
"""
DECLARED = read_declaration(TEXT)


class Keeping(Backend, ABC):
    @abstractmethod
    def retire(self) -> None:
        """Do what removes the rows of windows that are over."""


class SqliteKeeping(SqliteBackend, Keeping):
    def __init__(self, folder: Path) -> None:
        with SqliteFavorites(folder / "0.db", DECLARED) as store:
            store.init()
        super().__init__(folder)

    def retire(self) -> None:
        while self.store.expire():
            pass


class DynamoKeeping(DynamoBackend, Keeping):
    def __init__(self, account: DynamoDBAccount) -> None:
        self.clock = ManualClock()
        self.store = DynamoFavorites.from_url(
            account.store_url("keeping"), DECLARED, clock=self.clock
        )
        self.store.init()
        self.client = account.dynamodb()

    def retire(self) -> None:
        # DynamoDB Local never expires rows of a table with an index; the service does just this.
        table = self.store.names.tallies
        for item in self.client.scan(TableName=table)["Items"]:
            is_over = float(item.get("expires_at", {"N": "inf"})["N"]) <= self.clock().timestamp()
            if is_over and not is_reserved(item["group"]["S"]):
                key = {name: item[name] for name in ("group", "time_window")}
                self.client.delete_item(TableName=table, Key=key)


@pytest.fixture(params=["sqlite", "dynamodb"])
def keeping(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keeping]:
    backend: Keeping
    if request.param == "sqlite":
        backend = SqliteKeeping(tmp_path)
    else:
        backend = DynamoKeeping(request.getfixturevalue("aws_environment"))
    yield backend
    backend.store.close()
