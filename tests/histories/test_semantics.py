"""The fake database of the histories answers as DynamoDB Local does, request by request."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from tests.engines import DynamoDBAccount
from tests.histories.fake import FakeDynamoDB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "semantics"
_tokens = count()


@pytest.fixture
def local(aws_environment: DynamoDBAccount) -> "DynamoDBClient":
    client = aws_environment.dynamodb()
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "group", "AttributeType": "S"},
            {"AttributeName": "time_window", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "group", "KeyType": "HASH"},
            {"AttributeName": "time_window", "KeyType": "RANGE"},
        ],
    )
    return client


@pytest.fixture(params=["fake", "DynamoDB Local"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeDynamoDB(lambda: 0.0)
    else:
        yield request.getfixturevalue("local")


def key(group: str = "a", window: str = "all") -> dict[str, Any]:
    return {"group": {"S": group}, "time_window": {"S": window}}


def add(amount: str, group: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "Key": key(group),
        "UpdateExpression": "SET updated_at = :at ADD #0 :0",
        "ExpressionAttributeNames": {"#0": "total"},
        "ExpressionAttributeValues": {":at": {"S": "now"}, ":0": {"N": amount}},
        **more,
    }


def move(first: str, to: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "Key": key("position"),
        "UpdateExpression": "SET #position = :position, revision = :position REMOVE ahead",
        "ConditionExpression": (
            "attribute_not_exists(ahead)"
            " AND (attribute_not_exists(#position) OR #position < :first)"
        ),
        "ExpressionAttributeNames": {"#position": "position"},
        "ExpressionAttributeValues": {":position": {"S": to}, ":first": {"S": first}},
        **more,
    }


def item(client: Any, group: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = client.get_item(
        TableName=TABLE, Key=key(group), ConsistentRead=True
    ).get("Item", {})
    return found


def transact(client: Any, *actions: dict[str, Any], token: str | None = None) -> None:
    token = token or f"token-{next(_tokens)}"
    client.transact_write_items(TransactItems=list(actions), ClientRequestToken=token)


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, list[str]]:
    response = cast("Any", error.value.response)
    reasons = [reason["Code"] for reason in response.get("CancellationReasons", [])]
    return response["Error"]["Code"], reasons


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        (["1", "1"], "2"),
        (["1", "-1"], "0"),
        (["0.1", "0.2"], "0.3"),
        (["2.50", "1"], "3.5"),
        (["99999999999999999999.999999999", "0.000000001"], "100000000000000000000"),
        (["1E+3", "-0.00"], "1000"),
        (["-5"], "-5"),
    ],
)
def test_add_makes_a_row_and_adds_exactly(client: Any, amounts: list[str], total: str) -> None:
    for amount in amounts:
        client.update_item(**add(amount))

    found = item(client)
    # The service writes no zeros at the end; DynamoDB Local does.
    assert Decimal(found.pop("total")["N"]) == Decimal(total)
    assert found == {**key(), "updated_at": {"S": "now"}}


def test_a_guard_takes_what_comes_after_it_and_nothing_else(client: Any) -> None:
    client.update_item(**move("1", "3"))
    client.update_item(**move("4", "6"))

    for first in ("1", "4", "6"):
        with pytest.raises(ClientError) as error:
            client.update_item(**move(first, "9"))
        assert refused(error)[0] == "ConditionalCheckFailedException"
    assert item(client, "position")["position"] == {"S": "6"}


def test_a_guard_sees_lanes_that_are_ahead(client: Any) -> None:
    client.update_item(
        TableName=TABLE,
        Key=key("position"),
        UpdateExpression="SET ahead = :ahead",
        ExpressionAttributeValues={":ahead": {"S": "ab:3"}},
    )

    with pytest.raises(ClientError) as error:
        client.update_item(**move("4", "6"))

    assert refused(error)[0] == "ConditionalCheckFailedException"


def test_a_revision_that_is_not_there_equals_nothing(client: Any) -> None:
    of = {"ConditionExpression": "revision = :first"}

    with pytest.raises(ClientError) as error:
        client.update_item(**move("4", "6", **of, ExpressionAttributeNames={"#position": "p"}))

    assert refused(error)[0] == "ConditionalCheckFailedException"
    assert item(client, "position") == {}


def test_a_transaction_is_all_or_nothing(client: Any) -> None:
    transact(client, {"Update": add("1")}, {"Update": move("1", "3")})

    with pytest.raises(ClientError) as error:
        transact(client, {"Update": add("1")}, {"Update": move("3", "5")})

    expected = "TransactionCanceledException", ["None", "ConditionalCheckFailed"]
    assert refused(error) == expected
    assert item(client)["total"] == {"N": "1"}


def test_a_token_makes_a_request_that_is_in_succeed_again_without_effect(client: Any) -> None:
    actions = {"Update": add("1")}, {"Update": move("1", "3")}
    token = "asked twice"

    transact(client, *actions, token=token)
    transact(client, *actions, token=token)

    assert item(client)["total"] == {"N": "1"}


def test_a_token_is_for_one_request(client: Any) -> None:
    token = "another one"
    transact(client, {"Update": add("1")}, token=token)

    with pytest.raises(ClientError) as error:
        transact(client, {"Update": add("2")}, token=token)

    assert refused(error)[0] == "IdempotentParameterMismatchException"


def test_a_request_that_was_refused_may_be_asked_again_under_its_token(client: Any) -> None:
    token = "refused first"
    actions = (
        {"Update": add("1", ConditionExpression="attribute_exists(#0)")},
        {"Update": add("1", "b")},
    )
    with pytest.raises(ClientError):
        transact(client, *actions, token=token)
    client.update_item(**add("1"))

    transact(client, *actions, token=token)

    assert item(client)["total"] == {"N": "2"}


def test_two_actions_on_one_item_are_no_transaction(client: Any) -> None:
    with pytest.raises(ClientError) as error:
        transact(client, {"Update": add("1")}, {"Update": add("2")})

    assert refused(error)[0] == "ValidationException"


def test_a_hundred_actions_are_the_most(client: Any) -> None:
    actions = [{"Update": add("1", f"group-{number}")} for number in range(101)]
    transact(client, *actions[:100])

    with pytest.raises(ClientError) as error:
        transact(client, *actions)

    assert refused(error)[0] == "ValidationException"


def test_adding_to_text_is_refused_with_all_that_is_beside_it(client: Any) -> None:
    client.update_item(
        TableName=TABLE,
        Key=key(),
        UpdateExpression="SET #0 = :at",
        ExpressionAttributeNames={"#0": "total"},
        ExpressionAttributeValues={":at": {"S": "many"}},
    )

    with pytest.raises(ClientError) as error:
        transact(client, {"Update": add("1")}, {"Update": add("1", "b")})

    # The service cancels with a reason for each action; DynamoDB Local refuses the request.
    assert refused(error) in (
        ("TransactionCanceledException", ["ValidationError", "None"]),
        ("ValidationException", []),
    )
    assert item(client, "b") == {}


def test_put_and_delete_on_condition(client: Any) -> None:
    put = {
        "TableName": TABLE,
        "Item": {**key("marker"), "expires_at": {"N": "5"}},
        "ConditionExpression": "attribute_not_exists(time_window)",
    }
    delete = {
        "TableName": TABLE,
        "Key": key("marker"),
        "ConditionExpression": "attribute_exists(time_window)",
    }
    transact(client, {"Put": put})
    with pytest.raises(ClientError) as again:
        transact(client, {"Put": put})
    transact(client, {"Delete": delete})
    with pytest.raises(ClientError) as gone:
        transact(client, {"Delete": delete})

    for error in (again, gone):
        assert refused(error) == ("TransactionCanceledException", ["ConditionalCheckFailed"])


def test_a_query_finds_the_rows_of_a_group_in_their_order(client: Any) -> None:
    for window in ("b#2", "b#1", "a", "c"):
        transact(client, {"Put": {"TableName": TABLE, "Item": key("parked", window)}})
    of: dict[str, Any] = {
        "TableName": TABLE,
        "ExpressionAttributeNames": {"#group": "group"},
        "ConsistentRead": True,
    }
    group = {":group": {"S": "parked"}}

    everything = client.query(
        KeyConditionExpression="#group = :group", ExpressionAttributeValues=group, **of
    )
    some = client.query(
        KeyConditionExpression="#group = :group AND begins_with(time_window, :id)",
        ExpressionAttributeValues={**group, ":id": {"S": "b"}},
        **of,
    )
    number = client.query(
        KeyConditionExpression="#group = :group",
        ExpressionAttributeValues=group,
        Select="COUNT",
        **of,
    )["Count"]

    assert [row["time_window"]["S"] for row in everything["Items"]] == ["a", "b#1", "b#2", "c"]
    assert [row["time_window"]["S"] for row in some["Items"]] == ["b#1", "b#2"]
    assert number == 4


def test_a_value_for_what_is_not_there_leaves_what_is(client: Any) -> None:
    for bucket in ("1", "2"):
        client.update_item(
            TableName=TABLE,
            Key=key(),
            UpdateExpression="SET #b = if_not_exists(#b, :b), updated_at = :at ADD #0 :0",
            ExpressionAttributeNames={"#b": "bucket", "#0": "total"},
            ExpressionAttributeValues={
                ":b": {"N": bucket},
                ":at": {"S": bucket},
                ":0": {"N": "1"},
            },
        )
    item = client.get_item(TableName=TABLE, Key=key(), ConsistentRead=True)["Item"]
    assert (item["bucket"], item["updated_at"]) == ({"N": "1"}, {"S": "2"})


def test_an_attribute_is_set_to_what_another_one_was(client: Any) -> None:
    for position in ("1", "2"):
        client.update_item(
            TableName=TABLE,
            Key=key(),
            UpdateExpression="SET fitted = if_not_exists(#p, :none), #p = :p",
            ExpressionAttributeNames={"#p": "position"},
            ExpressionAttributeValues={":p": {"S": position}, ":none": {"S": ""}},
        )
    item = client.get_item(TableName=TABLE, Key=key(), ConsistentRead=True)["Item"]
    assert (item["fitted"], item["position"]) == ({"S": "1"}, {"S": "2"})


def test_rows_of_many_keys_are_those_that_there_are(client: Any) -> None:
    client.update_item(**add("1"))
    client.update_item(**add("2", "b"))
    keys = [key("b"), key("c"), key("a")]
    asked = {TABLE: {"Keys": keys, "ConsistentRead": True}}
    found = client.batch_get_item(RequestItems=asked)
    totals = {item["group"]["S"]: item["total"]["N"] for item in found["Responses"][TABLE]}
    assert totals == {"a": "1", "b": "2"}
    assert not found["UnprocessedKeys"]
