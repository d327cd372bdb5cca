"""Processes that write and aggregate until they are killed. Run: python -m tests.sqlite.actors."""

import random
import sys
import time

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop


def write(path: str, name: str, seed: int) -> None:
    """Mark and unmark at random; say what is about to be done, and again when it is done."""
    choose = random.Random(seed)
    with SqliteFavorites(path) as store:
        while True:
            restaurant = f"r{choose.randrange(20)}"
            op = choose.choice(["mark", "mark", "unmark"])
            print("try", op, name, restaurant, flush=True)
            if op == "mark":
                store.mark(name, restaurant)
            else:
                store.unmark(name, restaurant)
            print("did", op, name, restaurant, flush=True)


def aggregate(path: str) -> None:
    """Aggregate by the lease, in small batches, so that many commits are under way."""
    with SqliteFavorites(path) as store, EmbeddedLoop(store, batch=7, tick_seconds=0.001):
        print("ready", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", path, name, seed]:
            write(path, name, int(seed))
        case ["aggregate", path]:
            aggregate(path)
