"""Orders and their tallies, which a program in another language reads."""

import contextlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

from tallies.core.declaration.declaration import read_declaration
from tallies.stores.dynamodb.store import DynamoStore
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount, make_streamed_table

ACCOUNT = "reading"
"""Access key of the account whose tables tests of this folder share."""
TABLE = "app-tallies"
MOST_AT_ONCE = 25
"""Writes of one request."""

TOML = """
table = "orders"

[[tally]]
name = "sales"
group_by = ["city", "shop"]
time = "at"
windows = ["all", "year", "month", "week", "day", "hour"]
ranked = ["all", "month"]
ranked_by = "revenue"

[tally.measures]
average = { average = "total" }
orders = "count"
revenue = { sum = "total" }
weight = { average = "grams" }

[[tally]]
name = "shops"
group_by = "shop"
measures = { visits = { sum = "grams" } }

[[tally]]
name = "whole"
group_by = []
measures = { orders = "count" }
ranked = ["all"]
"""
CITIES = ["Rome", "São#Paulo", "100%", "%23#", "\U0001f35c", "\uffe5"]
SHOPS = ["a", "b#c", "%"]
AMOUNTS = ["1", "0.1", "-2.5", "99999999999999999.000000001", "0", "12"]
LAYOUTS = {
    "one partition": (1, "&guard=transactions&ranking=measure"),
    "three partitions": (3, "&guard=transactions&ranking=measure"),
    "buckets": (1, "&guard=rows&ranking=buckets"),
    "buckets in three partitions": (3, "&guard=transactions&ranking=buckets"),
}
"""How many shards leaderboards have, and how the store is laid out."""


@contextlib.contextmanager
def written_sales(account: DynamoDBAccount, shards: int, layout: str) -> Iterator[DynamoStore]:
    """Orders that were written, moved and removed, and their tallies."""
    client = account.dynamodb()
    make_streamed_table(client, "orders")
    url = account.store_url("app") + f"&ranking_shards={shards}{layout}"
    with DynamoStore.from_url(url, read_declaration(TOML)) as store:
        store.init()
        for some in _at_once(_written(random.Random(shards))):
            written = client.batch_write_item(RequestItems={"orders": some})
            assert not written["UnprocessedItems"]
        settle(store)
        yield store
    client.close()


def _written(dice: random.Random) -> Iterator[dict[str, Any]]:
    for _ in range(150):
        key = {"id": {"S": str(dice.randrange(60))}}
        if dice.random() < 0.25:
            yield {"DeleteRequest": {"Key": key}}
            continue
        day = f"20{dice.choice([81, 82])}-1{dice.randrange(3)}-{dice.randrange(10, 30)}"
        item = {
            **key,
            "city": {"S": dice.choice(CITIES)},
            "shop": {"S": dice.choice(SHOPS)},
            "total": {"N": dice.choice(AMOUNTS)},
            "grams": {"N": str(dice.randrange(1, 50))},
            "at": {"S": f"{day}T08:30:00Z"},
        }
        yield {"PutRequest": {"Item": item}}


def _at_once(writes: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    """Runs of writes that one request can hold: none of them is of an item twice."""
    some: dict[str, dict[str, Any]] = {}
    for write in writes:
        ((_, request),) = write.items()
        number = request.get("Item", request.get("Key"))["id"]["S"]
        if number in some or len(some) == MOST_AT_ONCE:
            yield list(some.values())
            some = {}
        some[number] = write
    yield list(some.values())
