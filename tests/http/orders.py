"""A table `orders` of somebody's own, tallied, on both stores."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from boto3.dynamodb.types import TypeSerializer

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.sqlite import SqliteStore
from tests.engines import DynamoDBAccount, make_streamed_table

TOML = """
table = "orders"

[[tally]]
name = "sales"
group_by = ["city", "shop"]
time = "at"
windows = ["all", "month", "day"]
ranked = ["all", "day"]
ranked_by = "revenue"
nonnegative = true
where = { status = "paid" }
measures = { orders = "count", revenue = { sum = "total" }, average = { average = "total" } }

[[tally]]
name = "statuses"
group_by = "status"
measures = { orders = "count" }
ranked = ["all"]

[[tally]]
name = "everything"
group_by = []
measures = { orders = "count" }
"""
DECLARED: Declaration = read_declaration(TOML)


class Orders(Protocol):
    """The table, as the application that owns it sees it."""

    store: SqliteStore | DynamoStore

    def put(self, number: int, **values: Any) -> None:
        """Write an order, new or anew."""

    def remove(self, number: int) -> None: ...


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"city": "Rome", "shop": "a", "status": "paid", "total": "1.50"}
    return {**usual, "at": "2082-11-23T09:00:00Z", **values}


class SqliteOrders:
    def __init__(self, store: SqliteStore, connection: sqlite3.Connection) -> None:
        self.store: SqliteStore | DynamoStore = store
        self._connection = connection

    def put(self, number: int, **values: Any) -> None:
        self._connection.execute(
            "INSERT INTO orders VALUES (:number, :city, :shop, :status, :total, :at)"
            " ON CONFLICT DO UPDATE SET city = :city, shop = :shop, status = :status,"
            " total = :total, at = :at",
            {"number": number, **_row(values)},
        )

    def remove(self, number: int) -> None:
        self._connection.execute("DELETE FROM orders WHERE number = ?", (number,))


class DynamoOrders:
    def __init__(self, store: DynamoStore, account: DynamoDBAccount) -> None:
        self.store: SqliteStore | DynamoStore = store
        self._client = account.dynamodb()

    def put(self, number: int, **values: Any) -> None:
        row = _row(values)
        row["total"] = Decimal(row["total"])
        code = TypeSerializer().serialize
        item = {name: code(value) for name, value in {"number": number, **row}.items()}
        self._client.put_item(TableName="orders", Item=item)

    def remove(self, number: int) -> None:
        self._client.delete_item(TableName="orders", Key={"number": {"N": str(number)}})


@contextmanager
def sqlite_orders(folder: Path, clock: Clock) -> Iterator[SqliteOrders]:
    path = folder / "shop.db"
    with closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.execute(
            "CREATE TABLE orders (number INTEGER PRIMARY KEY, city TEXT, shop TEXT, status TEXT,"
            " total TEXT, at TEXT)"
        )
        with SqliteStore(path, DECLARED, clock=clock) as store:
            store.init()
            yield SqliteOrders(store, connection)


@contextmanager
def dynamo_orders(account: DynamoDBAccount, clock: Clock) -> Iterator[DynamoOrders]:
    make_streamed_table(account.dynamodb(), "orders", "number", kind="N")
    url = account.store_url("shop")
    with DynamoStore.from_url(url, DECLARED, clock=clock) as store:
        store.init()
        yield DynamoOrders(store, account)
