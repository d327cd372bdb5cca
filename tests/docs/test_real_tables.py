"""The page of real tables is true: its rows, tallied as declared, make what its commands print."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from tallies.core.declaration import read_declaration
from tallies.stores.dynamodb.store import DynamoStore
from tests.cli.command import tallies
from tests.dynamodb.test_snapshot import settle
from tests.engines import DynamoDBAccount

from .real_tables import KEYS, Example, examples

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

each_example = pytest.mark.parametrize("example", examples(), ids=list(KEYS))


@each_example
def test_the_page_shows_the_file(example: Example) -> None:
    assert example.file.read_text() == example.declaration


@each_example
def test_on_dynamodb_the_page_is_true(example: Example, aws_environment: DynamoDBAccount) -> None:
    declared = read_declaration(example.declaration)
    client = aws_environment.dynamodb()
    _make_table(client, declared.table or "", example)
    url = aws_environment.store_url("app")
    items = [_item(row) for row in example.rows]
    with DynamoStore.from_url(url, declared) as store:
        client.put_item(TableName=declared.table or "", Item=items[0])  # before there is a tally
        store.init()
        for item in items[1:]:
            client.put_item(TableName=declared.table or "", Item=item)
        settle(store)
        assert store.parked.count() == 0
        assert store.verify().drifted == []
        assert "".join(_printed(example, url)) == example.output
        # A row that goes leaves no trace.
        key = {name: items[-1][name] for name in KEYS[example.name]}
        client.delete_item(TableName=declared.table or "", Key=key)
        client.put_item(TableName=declared.table or "", Item=items[-1])
        settle(store)
        assert store.verify().drifted == []
        assert store.rebuild().drifted == []
    assert "".join(_printed(example, url)) == example.output


def _printed(example: Example, url: str) -> Iterator[str]:
    for command in example.commands:
        ran = tallies(*command, store=url)
        assert (ran.code, ran.err) == (0, "")
        yield ran.out


def _make_table(client: "DynamoDBClient", name: str, example: Example) -> None:
    keys = KEYS[example.name]
    shape: Any = {
        "KeySchema": [
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "SN"[not isinstance(example.rows[0][key], str)]}
            for key in keys
        ],
    }
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        **shape,
    )


def _item(row: dict[str, Any]) -> Any:
    """The row as an item; a list of texts is a set of them."""
    serializer = TypeSerializer()
    return {
        name: serializer.serialize(set(value) if isinstance(value, list) else value)
        for name, value in row.items()
    }
