"""Pages of a table of tallies: all of its rows, or those of some groups, as they are now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tallies.stores.dynamodb.client.paging import MAX_AT_ONCE, MAX_KEYS, pages
from tallies.stores.dynamodb.rows.keys import is_reserved
from tallies.stores.dynamodb.snapshot.read.scan import Pace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLACES_AT_ONCE = MAX_KEYS * MAX_AT_ONCE
"""Rows that are looked up together, where only their keys are known."""


def all_pages(client: "DynamoDBClient", table: str, pace: Pace) -> Iterator[Any]:
    """The whole table."""
    scan: Any = client.scan
    return pages(lambda **where: scan(**where, **pace.limit()), **_whole(table))


def pages_of_groups(client: "DynamoDBClient", table: str, groups: Iterable[str]) -> Iterator[Any]:
    """All rows of some groups."""
    for group in groups:
        yield from pages(
            client.query,
            KeyConditionExpression="#group = :group",
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues={":group": {"S": group}},
            **_whole(table),
        )


def rows_of(page: Mapping[str, Any]) -> list[Any]:
    """The rows of a page, without whatever else the table holds."""
    return [item for item in page["Items"] if not is_reserved(item["group"]["S"])]


def _whole(table: str) -> dict[str, Any]:
    return {"TableName": table, "ConsistentRead": True, "ReturnConsumedCapacity": "TOTAL"}
