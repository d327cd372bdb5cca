"""The table `orders` and its rows."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def make_table(client: "DynamoDBClient", name: str, view: Any) -> None:
    stream: Any = {"StreamEnabled": True, "StreamViewType": view}
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "order", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "order", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        **({"StreamSpecification": stream} if view else {}),
    )


def key_of(number: int) -> dict[str, Any]:
    return {"customer": {"S": f"c{number % 3}"}, "order": {"N": str(number)}}


def put(client: "DynamoDBClient", number: int, **changes: Any) -> None:
    row = {
        "city": {"S": "Rome"},
        "shop": {"S": "a"},
        "status": {"S": "paid"},
        "total": {"N": "1.50"},
        "at": {"S": "2082-11-23T09:00:00Z"},
    }
    client.put_item(TableName="orders", Item=key_of(number) | row | changes)
