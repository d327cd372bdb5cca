"""Parts of keys, maps, sets and comparisons on a real engine: its stream, its scan, its filters."""

from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import InvalidTally
from tallies.core.source.conditions import Condition
from tallies.core.source.values import MISSING
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.dynamodb.stream.records import from_event, image_of
from tests.core import real_rows as make
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.length import at_length

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "rows"
STORES = count()
_serialize = TypeSerializer().serialize


@pytest.fixture
def rows(client: "DynamoDBClient") -> "DynamoDBClient":
    make_streamed_table(client, TABLE, "key", kind="N")
    return client


def as_item(key: int, row: make.Row) -> Any:
    """The row as DynamoDB can hold it."""
    return {
        name: _serialize(_storable(value))
        for name, value in {**row, "key": key}.items()
        # No set is empty there.
        if name != make.TRUTH and value != frozenset()
    }


def _storable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, frozenset):
        return set(value)
    return value


@settings(
    max_examples=at_length(6, least=3),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(make.cases(), st.lists(st.tuples(st.integers(0, 5), make.rows() | st.none()), max_size=25))
def test_any_history_equals_group_by_and_its_scan_agrees(
    rows: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    case: make.Case,
    history: list[tuple[int, make.Row | None]],
) -> None:
    for key in range(6):
        rows.delete_item(TableName=TABLE, Key={"key": {"N": str(key)}})
    url = aws_environment.store_url(f"app{next(STORES)}")
    table: dict[int, make.Row] = {}
    with DynamoStore.from_url(url, Declaration([case.tally], TABLE)) as store:
        store.init()
        store.rebuild()
        for key, row in history:
            if row is None:
                table.pop(key, None)
                rows.delete_item(TableName=TABLE, Key={"key": {"N": str(key)}})
            else:
                table[key] = row
                rows.put_item(TableName=TABLE, Item=as_item(key, row))
        settle(store)
        assert store.parked.count() == 0
        found = {(row.group, row.window): row.values for row in store.rows()}
        expected = case.expected(list(table.values()))
        assert {key: values["n"] for key, values in found.items() if values["n"]} == {
            key: amounts[0] for key, amounts in expected.items()
        }
        if case.summed is not None:
            assert {key: values["total"] for key, values in found.items() if values["n"]} == {
                key: amounts[1] for key, amounts in expected.items()
            }
        assert store.verify().drifted == []


def test_maps_lists_and_sets_are_values_and_what_is_binary_is_none() -> None:
    item: dict[str, Any] = {
        "map": {"M": {"n": {"N": "1.50"}, "deep": {"M": {"b": {"BOOL": False}}}}},
        "list": {"L": [{"S": "a"}, {"NULL": True}, {"L": [{"N": "2"}]}]},
        "texts": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1", "2.5"]},
        "bytes": {"B": "AAE="},
        "many": {"BS": ["AAE="]},
    }
    assert image_of(item) == {
        "map": {"n": Decimal("1.50"), "deep": {"b": False}},
        "list": ["a", None, [2]],
        "texts": frozenset({"a", "b"}),
        "numbers": frozenset({1, Decimal("2.5")}),
        "bytes": ("B", "AAE="),
        "many": ("BS", ["AAE="]),
    }


TAGS = """
table = "rows"
[[tally]]
name = "tags"
group_by = { attribute = "tags", each = true }
windows = ["all", "day", "hour"]
time = "at"
measures = { posts = "count" }
"""


@pytest.mark.slow
def test_a_row_in_more_groups_than_a_transaction_holds_is_counted_in_each(
    rows: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    tags = {f"t{number}" for number in range(150)}
    row = {"key": 1, "tags": tags, "at": "2082-11-23T09:00:00Z"}
    url = aws_environment.store_url("app")
    with DynamoStore.from_url(url, read_declaration(TAGS)) as store:
        store.init()
        item: Any = {name: _serialize(value) for name, value in row.items()}
        rows.put_item(TableName=TABLE, Item=item)
        settle(store)
        assert {row.group: row.values["posts"] for row in store.rows() if row.window == "all"} == (
            dict.fromkeys(tags, 1)
        )
        rows.delete_item(TableName=TABLE, Key={"key": {"N": "1"}})
        settle(store)
        assert not any(row.values["posts"] for row in store.rows())
        assert store.verify().drifted == []

        # Where each record has to go in by one transaction of its own, that is refused at once.
        record = from_event(
            {
                "eventID": "1",
                "eventName": "INSERT",
                "dynamodb": {"SequenceNumber": "1" * 21, "NewImage": item},
            }
        )
        with pytest.raises(InvalidTally, match="give the event source mapping a tumbling window"):
            store.guarded_apply().apply_marked([record])


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        (Condition(not_="void"), "a <> :v"),
        (Condition(is_="void"), "a = :v"),
        (Condition(begins_with="vo"), "begins_with(a, :v)"),
        (Condition(at_least="void"), "a >= :v"),
        (Condition(less_than="void"), "a < :v"),
        (Condition(not_=1), "a <> :v"),
        (Condition(is_=1), "a = :v"),
        (Condition(more_than=1), "a > :v"),
        (Condition(is_=True), "a = :v"),
        (Condition(not_=True), "a <> :v"),
    ],
    ids=str,
)
def test_conditions_hold_where_the_engine_s_own_do(
    rows: "DynamoDBClient", condition: Condition, expression: str
) -> None:
    values = [
        "void",
        "voi",
        "voidé",
        "Void",
        "é",
        1,
        Decimal("1.5"),
        -2,
        True,
        False,
        None,
        MISSING,
    ]
    for key, value in enumerate(values):
        row = {"key": key} if value is MISSING else {"key": key, "a": value}
        item: Any = {name: _serialize(held) for name, held in row.items()}
        rows.put_item(TableName=TABLE, Item=item)
    fields = (*condition.is_, *condition.not_, condition.begins_with, condition.at_least)
    wanted = next(v for v in (*fields, condition.less_than, condition.more_than) if v is not None)
    found = rows.scan(
        TableName=TABLE,
        FilterExpression=expression,
        ExpressionAttributeValues={":v": _serialize(wanted)},
    )["Items"]
    assert {int(item["key"]["N"]) for item in found} == {
        key for key, value in enumerate(values) if condition.holds(value)
    }
