"""Answers that come in pages or in parts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from tallies.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

T = TypeVar("T")

MAX_KEYS = 100
"""Keys that one BatchGetItem takes."""
_TRIES = 8


def pages(request: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """All pages of a query or a scan, each asked for when it is needed."""
    while True:
        page = request(**arguments)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def rows(request: Callable[..., Any], **arguments: Any) -> "Iterator[Item]":
    """All rows of a query or a scan."""
    for page in pages(request, **arguments):
        yield from page["Items"]


def batches(found: Iterable[T], size: int) -> Iterator[list[T]]:
    """What is found, so many at a time."""
    rest = iter(found)
    while some := list(islice(rest, size)):
        yield some


def batch_get(client: "DynamoDBClient", table: str, keys: "Sequence[Item]") -> "Iterator[Item]":
    """The rows that there are of some keys, all different, in no order.

    Raises:
        StoreUnavailable: the table is throttled for too long.
    """
    for start in range(0, len(keys), MAX_KEYS):
        wanted: Any = {table: {"Keys": keys[start : start + MAX_KEYS], "ConsistentRead": True}}
        for _ in range(_TRIES):
            response = client.batch_get_item(RequestItems=wanted)
            yield from response["Responses"].get(table, [])
            wanted = response.get("UnprocessedKeys")
            if not wanted:
                break
        else:
            raise StoreUnavailable(f"The table {table} is throttled; try again.")
