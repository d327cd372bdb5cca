"""Favorites whose expiry another program has changed."""

from typing import TYPE_CHECKING, Any

import pytest

from tallies.favorites.item import key_of
from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.conformance.backend import ManualClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXACTLY = "2082-11-24T12:30:00.500000Z"
PAST, LATER = "3561192000", "3592728000"  # 2082-11-06 and 2083-11-06


@pytest.mark.parametrize(
    ("change", "values", "expires"),
    [
        ("SET expires_at = :value", {"N": LATER}, "2083-11-06T12:00:00.000000Z"),
        ("SET expires_at = :value", {"N": PAST}, None),
        ("REMOVE expires_at", None, "for ever"),
        ("SET expires_exactly = :value", {"S": "soon"}, "2082-11-24T12:30:01.000000Z"),
    ],
)
def test_the_expiry_is_the_one_that_the_service_knows(
    store: DynamoFavorites,
    client: "DynamoDBClient",
    clock: ManualClock,
    change: str,
    values: Any,
    expires: str | None,
) -> None:
    store.put("ann", "noodles", note=None, expires_at=EXACTLY)
    assert store.mark("ann", "noodles")[0].expires_at == EXACTLY
    given: Any = {"ExpressionAttributeValues": {":value": values}} if values else {}
    client.update_item(
        TableName=store.names.source,
        Key=key_of("ann", "noodles"),
        UpdateExpression=change,
        **given,
    )
    found, new = store.mark("ann", "noodles")
    assert new == (expires is None)
    assert found.expires_at == (None if expires in (None, "for ever") else expires)
    clock.move(days=30_000)
    assert store.mark("ann", "noodles")[1] == (expires not in (None, "for ever"))
