"""An application with a table of orders: `make` makes it, `change` goes on working with it.

python docs/examples/orders.py make|change TARGET

TARGET is the file of a SQLite database, or the endpoint of DynamoDB; none for DynamoDB on AWS.
"""

import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from typing import Any

ORDERS = [
    ("1", "noodle-bar", "12.50", "2026-11-02T11:30:00Z", "delivered"),
    ("2", "noodle-bar", "9.90", "2026-11-02T18:05:00Z", "paid"),
    ("3", "taco-stand", "31.00", "2026-11-02T23:30:00Z", "paid"),  # the 3rd in Berlin
    ("4", "taco-stand", "7.25", "2026-11-03T12:00:00Z", "open"),
    ("5", "green-curry", "18.40", "2026-11-03T12:10:00Z", "paid"),
]


def make_in_file(database: sqlite3.Connection) -> None:
    """A table, and some orders."""
    database.execute(
        "CREATE TABLE orders (order_id TEXT PRIMARY KEY, restaurant_id TEXT, total NUMERIC,"
        " ordered_at TEXT, status TEXT)"
    )
    database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", ORDERS)


def change_in_file(database: sqlite3.Connection) -> None:
    """An order is paid, a price corrected, an order moved to another restaurant, one deleted."""
    database.execute("UPDATE orders SET status = 'paid' WHERE order_id = '4'")
    database.execute("UPDATE orders SET total = 10.40 WHERE order_id = '2'")
    database.execute("UPDATE orders SET restaurant_id = 'noodle-bar' WHERE order_id = '5'")
    database.execute("DELETE FROM orders WHERE order_id = '1'")


def make(dynamodb: Any) -> None:
    """A table with a stream of both images, and some orders."""
    table = dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    table.wait_until_exists()
    for order_id, restaurant, total, ordered_at, status in ORDERS:
        table.put_item(
            Item={
                "order_id": order_id,
                "restaurant_id": restaurant,
                "total": Decimal(total),
                "ordered_at": ordered_at,
                "status": status,
            }
        )


def change(dynamodb: Any) -> None:
    """An order is paid, a price corrected, an order moved to another restaurant, one deleted."""

    def update(order_id: str, name: str, value: object) -> None:
        dynamodb.Table("orders").update_item(
            Key={"order_id": order_id},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )

    update("4", "status", "paid")
    update("2", "total", Decimal("10.40"))
    update("5", "restaurant_id", "noodle-bar")
    dynamodb.Table("orders").delete_item(Key={"order_id": "1"})


if __name__ == "__main__":
    step, target = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    if target is None or "://" in target:
        import boto3

        dynamodb = boto3.resource("dynamodb", "us-east-1", endpoint_url=target)
        {"make": make, "change": change}[step](dynamodb)
    else:
        with closing(sqlite3.connect(target)) as database, database:
            {"make": make_in_file, "change": change_in_file}[step](database)
