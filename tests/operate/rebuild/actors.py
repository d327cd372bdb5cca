"""Processes that write and aggregate until they are killed: python -m tests.operate.rebuild.actors.

Each says so once it is at work.
"""

import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tests.length import in_full

DAYS = ("2082-11-23", "2082-11-22", "2082-10-31")
USERS, RESTAURANTS = 40, 12
NOW = datetime(2082, 11, 23, 14, tzinfo=UTC)
IDLE_SECONDS = 0.005
BETWEEN_WRITES_SECONDS = 0.0 if in_full() else 0.005
"""Writers that never rest keep the processor, and the engine, from what is tested."""


def opened(url: str) -> SqliteFavorites | DynamoFavorites:
    """The store of a URL, on a clock that stands still like that of the tests."""
    if url.startswith("sqlite:"):
        return SqliteFavorites(Path(urlsplit(url).path[1:]), clock=lambda: NOW)
    return DynamoFavorites.from_url(url, clock=lambda: NOW)


def write(url: str, seed: int) -> None:
    """Mark and unmark at random."""
    dice = random.Random(seed)
    with opened(url) as store:
        for number in range(sys.maxsize):
            user, restaurant = f"u{dice.randrange(USERS)}", f"r{dice.randrange(RESTAURANTS)}"
            if dice.random() < 0.6:
                day = dice.choice(DAYS)
                store.mark(user, restaurant, created_at=f"{day}T08:00:00.000000Z")
            else:
                store.unmark(user, restaurant)
            if number == 0:
                print("ready", flush=True)
            sleep(BETWEEN_WRITES_SECONDS)


def aggregate(url: str) -> None:
    """Aggregate in small batches, so that many commits are under way."""
    with opened(url) as store:
        aggregator = store.aggregator(7)
        print("ready", flush=True)
        while True:
            if not aggregator.step().records:
                sleep(IDLE_SECONDS)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", url, seed]:
            write(url, int(seed))
        case ["aggregate", url]:
            aggregate(url)
