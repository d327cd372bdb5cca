"""The page of real tables is true: its rows, tallied as declared, make what its commands print."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from tallies.core.declaration.declaration import read_declaration
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.sqlite import SqliteStore
from tests.cli.command import tallies
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount

from .real_tables import KEYS, Example, examples

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

each_example = pytest.mark.parametrize("example", examples(), ids=list(KEYS))


@each_example
def test_the_page_shows_the_file(example: Example) -> None:
    assert example.file.read_text() == example.declaration


@pytest.mark.slow(but="shop")
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


@each_example
def test_on_sqlite_the_page_is_true(example: Example, tmp_path: Path) -> None:
    example = _without_booleans(example)
    declared = read_declaration(example.declaration)
    path, url = tmp_path / "s.db", f"sqlite:///{tmp_path}/s.db"
    table = declared.table or ""
    columns = list(dict.fromkeys(name for row in example.rows for name in row))
    key = ", ".join(f'"{name}"' for name in KEYS[example.name])
    names = ", ".join(f'"{name}"' for name in columns)
    into = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
    rows = [[_value(row.get(name)) for name in columns] for row in example.rows]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f'CREATE TABLE "{table}" ({names}, PRIMARY KEY ({key}))')
        connection.execute(into, rows[0])  # before there is a tally
        with SqliteStore(path, declared) as store:
            store.init()
            connection.executemany(into, rows[1:])
            store.verify()
            _settle_file(store)
            assert store.parked.count() == 0
            assert store.verify().drifted == []
            assert "".join(_printed(example, url)) == example.output
            # A row that is replaced, or goes, leaves no trace.
            connection.execute(into.replace("INSERT", "REPLACE", 1), rows[-1])
            connection.execute(f'DELETE FROM "{table}"')
            connection.executemany(into, rows)
            _settle_file(store)
            assert store.verify().drifted == []
        assert "".join(_printed(example, url)) == example.output


def _without_booleans(example: Example) -> Example:
    """As the page says: SQLite has none."""
    return replace(
        example,
        declaration=example.declaration.replace("not = true", "not = 1"),
        output=example.output.replace("test   payments", "test  payments")
        .replace("false         ", "0            ")
        .replace("true          ", "1            "),
    )


def _settle_file(store: SqliteStore) -> None:
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass


def _value(value: Any) -> Any:
    """A value as a column holds it: lists and maps as JSON."""
    if isinstance(value, Decimal):
        return float(value)
    return json.dumps(value) if isinstance(value, dict | list) else value


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
