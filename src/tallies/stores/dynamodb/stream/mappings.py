"""The event source mappings through which Lambda reads a stream, and how they are paused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from tallies.core.errors import StoreUnavailable, WrongStore
from tallies.stores.dynamodb.client.explain import error_code, explain
from tallies.stores.dynamodb.rows.keys import PAUSED, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

SWITCH_SECONDS = 180.0
"""A mapping takes some seconds to be disabled or enabled, and a minute at times."""
_UNREACHABLE = (BotoCoreError, ClientError, HTTPClientError, ResponseParserError)
_REST = {"Enabled", "Disabled"}


def check_windows(functions: "LambdaClient", stream_arn: str) -> None:
    """Check that every mapping that reads a stream has a tumbling window.

    Raises:
        WrongStore: one has none.
        StoreError: Lambda does not list the mappings.
    """
    try:
        for mapping in _reading(functions, stream_arn):
            if not mapping.get("TumblingWindowInSeconds"):
                raise WrongStore(
                    f"The event source mapping {mapping['UUID']} has no tumbling window, so its"
                    " function marks records one by one; give it one, or disable it, and run this"
                    " again."
                )
    except _UNREACHABLE as error:
        explain(error, "the event source mappings", functions)


@contextmanager
def paused(
    functions: "LambdaClient", client: "DynamoDBClient", table: str, stream_arn: str
) -> Iterator[None]:
    """Disable the mappings that read a stream, and enable the same ones again at the end.

    Which ones they are is first written into `table`, so that the run after one that was killed
    enables those, too. Where Lambda is out of reach, or the credentials do not permit asking it,
    nothing is disabled.

    Raises:
        StoreError: Lambda refuses to switch them.
    """
    try:
        reading = [mapping["UUID"] for mapping in _reading(functions, stream_arn)]
    except _UNREACHABLE:
        yield
        return
    key = reserved_key(PAUSED)
    item: Any = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    some = sorted({*reading, *item.get("mappings", {}).get("SS", [])})
    if some:
        client.put_item(TableName=table, Item={**key, "mappings": {"SS": some}})
    try:
        for mapping in some:
            _switch(functions, mapping, on=False)
        yield
    finally:
        for mapping in some:
            _switch(functions, mapping, on=True)
        if some:
            client.delete_item(TableName=table, Key=key)


def _reading(functions: "LambdaClient", stream_arn: str) -> list[Any]:
    pages = functions.get_paginator("list_event_source_mappings").paginate(
        EventSourceArn=stream_arn
    )
    return [
        each
        for page in pages
        for each in page["EventSourceMappings"]
        if each["State"] in ("Enabled", "Enabling", "Creating", "Updating")
    ]


def _switch(functions: "LambdaClient", mapping: str, *, on: bool) -> None:
    try:
        functions.update_event_source_mapping(UUID=mapping, Enabled=on)
        _wait(functions, mapping)
    except RetryError:
        raise StoreUnavailable(
            f"The event source mapping {mapping} does not become {'en' if on else 'dis'}abled;"
            " look at it, and run this again."
        ) from None
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":  # deleted meanwhile
            explain(error, f"the event source mapping {mapping}", functions)
    except (BotoCoreError, HTTPClientError) as error:
        explain(error, "Lambda", functions)


@retry(
    retry=retry_if_result(lambda state: state not in _REST),
    wait=wait_fixed(1.0),
    stop=stop_after_delay(SWITCH_SECONDS),
)
def _wait(functions: "LambdaClient", mapping: str) -> str:
    return functions.get_event_source_mapping(UUID=mapping)["State"]
