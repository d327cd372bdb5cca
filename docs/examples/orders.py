"""An application with a table of orders: `make` makes it, `change` goes on working with it.

python docs/examples/orders.py make|change [ENDPOINT]
"""

import sys
from decimal import Decimal
from typing import Any

import boto3

ORDERS = [
    ("1", "noodle-bar", "12.50", "2026-11-02T11:30:00Z", "delivered"),
    ("2", "noodle-bar", "9.90", "2026-11-02T18:05:00Z", "paid"),
    ("3", "taco-stand", "31.00", "2026-11-02T23:30:00Z", "paid"),  # the 3rd in Berlin
    ("4", "taco-stand", "7.25", "2026-11-03T12:00:00Z", "open"),
    ("5", "green-curry", "18.40", "2026-11-03T12:10:00Z", "paid"),
]


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
    endpoint = sys.argv[2] if len(sys.argv) > 2 else None
    steps = {"make": make, "change": change}
    steps[sys.argv[1]](boto3.resource("dynamodb", "us-east-1", endpoint_url=endpoint))
