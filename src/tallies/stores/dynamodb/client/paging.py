"""Answers that come in pages or in parts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import (
    RetryError,
    Retrying,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply.transactions import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

T = TypeVar("T")
U = TypeVar("U")

MAX_KEYS = 100
"""Keys that one BatchGetItem takes."""
MAX_AT_ONCE = 16
"""How many requests of one question are under way at a time."""
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
    """What is found, in lists of up to `size`."""
    rest = iter(found)
    while some := list(islice(rest, size)):
        yield some


def at_once(ask: Callable[[T], U], things: Sequence[T]) -> list[U]:
    """The answers about several things, in their order; many requests run at a time."""
    if len(things) < 2:
        return [ask(thing) for thing in things]
    with ThreadPoolExecutor(min(len(things), MAX_AT_ONCE), "tallies-ask") as threads:
        return list(threads.map(ask, things))


def batch_get(
    client: "DynamoDBClient", table: str, keys: "Sequence[Item]", *, consistent: bool = True
) -> "list[Item]":
    """Those rows of some keys, all different, that exist, in no order.

    Without `consistent`, rows may be as of a moment ago, and cost half.

    Raises:
        StoreUnavailable: the table is throttled for too long.
    """
    parts = list(batches(keys, MAX_KEYS))
    return [
        row
        for some in at_once(partial(_get_part, client, table, consistent), parts)
        for row in some
    ]


def _get_part(
    client: "DynamoDBClient", table: str, consistent: bool, keys: "list[Item]"
) -> "list[Item]":
    found: list[Item] = []
    wanted: Any = {table: {"Keys": keys, "ConsistentRead": consistent}}

    def left() -> Any:
        nonlocal wanted
        response = client.batch_get_item(RequestItems=wanted)
        found.extend(response["Responses"].get(table, []))
        wanted = response.get("UnprocessedKeys")
        return wanted

    again = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
        sleep=sleep,
    )
    try:
        again(left)
    except RetryError:
        raise StoreUnavailable(f"The table {table} is throttled; try again.") from None
    return found
