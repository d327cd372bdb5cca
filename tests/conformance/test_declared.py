"""The suite of declared tables, on both stores."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tallies import Declaration
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.sqlite import SqliteStore
from tallies.stores.sqlite.snapshot import places, snapshot
from tests.conformance.declared import FIRST, VALUES, DeclaredSuite, Row, Table
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.layouts import OLDER


class SqliteTable(Table):
    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        connection.execute(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, {', '.join(VALUES)})")
        self.store = SqliteStore(path, FIRST)
        self.store.init()

    def as_it_is(self) -> SqliteStore:
        return SqliteStore(self._path)

    def another_store(self, declared: Declaration) -> SqliteStore:
        store = SqliteStore(self._path, declared, prefix="another")
        store.init()
        return store

    def put(self, key: int, row: Row) -> None:
        # Two ways to replace a row: one tells a delete trigger, the other does not.
        if key % 2:
            self._connection.execute("DELETE FROM orders WHERE id = ?", (key,))
        self._connection.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", (key, *row.values())
        )

    def change(self, key: int, name: str, value: Any) -> None:
        self._connection.execute(f"UPDATE orders SET {name} = ? WHERE id = ?", (value, key))

    def delete(self, key: int) -> None:
        self._connection.execute("DELETE FROM orders WHERE id = ?", (key,))


class DynamoTable(Table):
    def __init__(self, account: DynamoDBAccount, options: str) -> None:
        self._client = account.dynamodb()
        make_streamed_table(self._client, "orders", kind="N")
        self._account, self._options = account, options
        self.store = self._made("declared", FIRST)

    def as_it_is(self) -> DynamoStore:
        return DynamoStore.from_url(self.store.url)

    def another_store(self, declared: Declaration) -> DynamoStore:
        return self._made("another", declared)

    def _made(self, prefix: str, declared: Declaration) -> DynamoStore:
        url = self._account.store_url(prefix) + self._options
        store = DynamoStore.from_url(url, declared, strictly=False)
        store.init()
        return store

    def put(self, key: int, row: Row) -> None:
        item = {name: _typed(value) for name, value in row.items()}
        self._client.put_item(TableName="orders", Item={"id": _typed(key), **item})

    def change(self, key: int, name: str, value: Any) -> None:
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName="orders",
                Key={"id": _typed(key)},
                UpdateExpression="SET #name = :value",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":value": _typed(value)},
            )

    def delete(self, key: int) -> None:
        self._client.delete_item(TableName="orders", Key={"id": _typed(key)})


def _typed(value: Any) -> Any:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


class TestSqlite(DeclaredSuite):
    @pytest.fixture(params=[snapshot.MEMORY_ROWS, 3], ids=["in memory", "in the scratch database"])
    def table(
        self, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Table]:
        monkeypatch.setattr(snapshot, "MEMORY_ROWS", request.param)
        monkeypatch.setattr(places, "MEMORY_GROUPS", request.param)
        path = tmp_path / "shop.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            table = SqliteTable(path, connection)
            with table.store:
                yield table


@pytest.mark.slow(only="measure")
class TestDynamoDB(DeclaredSuite):
    @pytest.fixture(params=[OLDER, "&ranking=buckets"], ids=["by measure", "by buckets"])
    def table(
        self, aws_environment: DynamoDBAccount, request: pytest.FixtureRequest
    ) -> Iterator[Table]:
        table = DynamoTable(aws_environment, request.param)
        with table.store:
            yield table
