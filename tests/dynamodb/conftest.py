"""A store on DynamoDB Local, and another one that makes the same tables by hand."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.conformance.backend import ManualClock
from tests.engines import DynamoDBAccount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def missing(
    aws_environment: DynamoDBAccount, clock: ManualClock, layout_options: str
) -> Iterator[DynamoFavorites]:
    """A store without tables."""
    url = aws_environment.store_url("app") + layout_options
    with DynamoFavorites.from_url(url, clock=clock) as store:
        yield store


@pytest.fixture
def store(missing: DynamoFavorites) -> DynamoFavorites:
    missing.init()
    return missing


@pytest.fixture
def client(aws_environment: DynamoDBAccount) -> "DynamoDBClient":
    """Somebody else's client."""
    return aws_environment.dynamodb()
