"""A store of the tallies of a table `orders`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.stores.dynamodb.store import DynamoStore
from tests.dynamodb.catalog.orders import make_table
from tests.engines import DynamoDBAccount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOML = """
table = "orders"

[[tally]]
name = "sales"
group_by = ["city", "shop"]
time = "at"
windows = ["all", "day"]
ranked = ["all", "day"]
ranked_by = "revenue"
where = { status = "paid" }
measures = { orders = "count", revenue = { sum = "total" }, average = { average = "total" } }

[[tally]]
name = "statuses"
group_by = "status"
measures = { orders = "count" }
ranked = ["all"]
"""


@pytest.fixture
def declared() -> Declaration:
    return read_declaration(TOML)


@pytest.fixture
def orders(client: "DynamoDBClient") -> "DynamoDBClient":
    """The client of an application that has the table `orders`."""
    make_table(client, "orders", "NEW_AND_OLD_IMAGES")
    return client


@pytest.fixture
def sales(
    orders: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    declared: Declaration,
    layout_options: str,
) -> Iterator[DynamoStore]:
    url = aws_environment.store_url("app") + layout_options
    with DynamoStore.from_url(url, declared) as store:
        store.init()
        yield store
