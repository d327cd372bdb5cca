"""The fast client answers and fails as botocore's own does, on DynamoDB Local."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions as aws
from botocore.session import Session

from tallies.stores.dynamodb.client.clients import Clients
from tests.engines import DynamoDBAccount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Call = Callable[["DynamoDBClient"], Any]
KEY: Any = {"pk": {"S": "🍜 bar"}}


@pytest.fixture
def clients(aws_environment: DynamoDBAccount) -> Clients:
    aws_environment.dynamodb().create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    return Clients(aws_environment.region, aws_environment.endpoint)


def add(number: str, condition: str = "attribute_exists(pk) OR attribute_not_exists(pk)") -> Any:
    return {
        "TableName": "table",
        "Key": KEY,
        "UpdateExpression": "ADD n :n",
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":n": {"N": number}},
    }


CALLS: dict[str, Call] = {
    "get": lambda client: client.get_item(TableName="table", Key=KEY, ConsistentRead=True),
    "get nothing": lambda client: client.get_item(TableName="table", Key={"pk": {"S": "-"}}),
    "no table": lambda client: client.get_item(TableName="other", Key=KEY),
    "no such key": lambda client: client.get_item(TableName="table", Key={"other": {"S": "a"}}),
    "refused": lambda client: client.update_item(**add("1", "attribute_not_exists(pk)")),
    "no number": lambda client: client.update_item(**add("one")),
    "cancelled": lambda client: client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "table", "Item": {"pk": {"S": "b"}}}},
            {"Update": add("1", "attribute_not_exists(pk)")},
        ]
    ),
    "get some": lambda client: client.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": "table", "Key": KEY}},
            {"Get": {"TableName": "table", "Key": {"pk": {"S": "-"}}}},
        ]
    ),
    "scan": lambda client: client.scan(TableName="table", ReturnConsumedCapacity="TOTAL"),
    "query": lambda client: client.query(
        TableName="table",
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": KEY["pk"]},
    ),
    "too many": lambda client: client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "table", "Item": {"pk": {"S": str(n)}}}} for n in range(101)
        ]
    ),
}


def outcome(client: "DynamoDBClient", call: Call) -> object:
    try:
        answer = call(client)
    except aws.ClientError as error:
        reasons = [each.get("Code") for each in error.response.get("CancellationReasons", [])]
        return error.response["Error"]["Code"], error.response["Error"]["Message"], reasons
    del answer["ResponseMetadata"]
    return answer


@pytest.mark.parametrize("name", CALLS)
def test_it_answers_as_the_other_does(clients: Clients, name: str) -> None:
    clients.dynamodb.update_item(**add("3"))
    theirs = outcome(clients.dynamodb, CALLS[name])
    assert outcome(clients.once, CALLS[name]) == theirs


def test_what_it_writes_is_there(clients: Clients) -> None:
    item: Any = {**KEY, "packed": {"B": b"\x00\xff"}, "n": {"N": "1"}}
    for token in ("first", "first", "second"):
        clients.once.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "table", "Item": {**item, "pk": {"S": "parked"}}}},
                {"Update": add("2")},
            ],
            ClientRequestToken=token,
        )
    found = clients.dynamodb.get_item(TableName="table", Key={"pk": {"S": "parked"}})["Item"]
    assert found["packed"] == {"B": b"\x00\xff"}
    # The token's second time is the first one's answer again.
    assert clients.dynamodb.get_item(TableName="table", Key=KEY)["Item"]["n"] == {"N": "4"}


def test_nobody_at_the_endpoint(aws_environment: DynamoDBAccount) -> None:
    lost = Clients(aws_environment.region, "http://127.0.0.1:9")
    with pytest.raises(aws.EndpointConnectionError):
        lost.once.get_item(TableName="table", Key=KEY)


def test_no_credentials(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "get_credentials", lambda _: None)
    with pytest.raises(aws.NoCredentialsError):
        clients.once.get_item(TableName="table", Key=KEY)
