"""A table of favorites under traffic, and its tallies as GROUP BY has them."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event as Flag
from typing import TYPE_CHECKING

from tallies.favorites.item import favorite_of
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.store import DynamoStore
from tests.length import in_full

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAUSE_SECONDS = 0.001 if in_full() else 0.02
DAYS = ["2082-11-23", "2082-11-22", "2082-10-31"]


def settle(store: DynamoStore) -> None:
    aggregator = store.aggregator()
    while True:
        applied = aggregator.step()
        if not applied.records + applied.duplicates:
            return


def write(store: DynamoFavorites, dice: random.Random) -> None:
    user, restaurant = f"u{dice.randrange(40)}", f"r{dice.randrange(12)}"
    if dice.random() < 0.6:
        store.mark(user, restaurant, created_at=f"{dice.choice(DAYS)}T08:00:00.000000Z")
    else:
        store.unmark(user, restaurant)


@contextmanager
def busy(store: DynamoFavorites, seed: int, batch: int = 7) -> Iterator[None]:
    """Two writers and an aggregator at work.

    Outside of continuous integration they rest for the sake of what is tested: else the three take
    most of the processor, and what they write is most of what it then has to read.
    """
    stop = Flag()

    def writing(number: int) -> None:
        dice = random.Random(f"{seed} {number}")
        while not stop.wait(PAUSE_SECONDS):
            write(store, dice)

    def aggregating() -> None:
        aggregator = store.aggregator(batch)
        while not stop.is_set():
            if not aggregator.step().records:
                stop.wait(PAUSE_SECONDS)

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(writing, 0), threads.submit(writing, 1)]
        running.append(threads.submit(aggregating))
        try:
            yield
        finally:
            stop.set()
            for each in running:
                each.result()


def by_hand(store: DynamoFavorites, client: "DynamoDBClient") -> dict[tuple[str, str], int]:
    """GROUP BY over the source, the plainest way."""
    found: dict[tuple[str, str], int] = {}
    for page in client.get_paginator("scan").paginate(TableName=store.names.source):
        for favorite in map(favorite_of, page["Items"]):
            for window in ("all", favorite.created_at[:7], favorite.created_at[:10]):
                place = favorite.restaurant_id, window
                found[place] = found.get(place, 0) + 1
    return found


def tallies_of(store: DynamoFavorites) -> dict[tuple[str, str], int]:
    return {
        (f"r{number}", window): int(amount)
        for number in range(12)
        for window, amount in store.windows_of(f"r{number}").items()
    }


def plant(client: "DynamoDBClient", table: str, group: str, window: str, number: int) -> None:
    client.update_item(
        TableName=table,
        Key=row_key(group, window),
        UpdateExpression="ADD favorites :number",
        ExpressionAttributeValues={":number": {"N": str(number)}},
    )
