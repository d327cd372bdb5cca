"""Processes that write and aggregate until they are killed. Run: python -m tests.sqlite.actors."""

import random
import sqlite3
import sys
import time
from contextlib import closing

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite import SqliteStore


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


def change(path: str, seed: int) -> None:
    """Write to a table `shops` as a program does that has never heard of tallies."""
    choose = random.Random(seed)
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = normal")
        while True:
            row = (choose.randrange(50), choose.choice("abc"), choose.randrange(9))
            statement, values = choose.choice(
                [
                    ("INSERT OR REPLACE INTO shops VALUES (?, ?, ?)", row),
                    ("INSERT OR IGNORE INTO shops VALUES (?, ?, ?)", row),
                    ("UPDATE shops SET city = ? WHERE amount = ?", row[1:]),
                    ("UPDATE OR REPLACE shops SET id = id + 1 WHERE id = ?", row[:1]),
                    ("DELETE FROM shops WHERE id = ?", row[:1]),
                ]
            )
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement, values)
            connection.execute("COMMIT")
            print("did", flush=True)


def count(path: str) -> None:
    """Aggregate whatever the file declares."""
    with SqliteStore(path) as store, EmbeddedLoop(store, batch=7, tick_seconds=0.001):
        while True:
            time.sleep(3600)


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
        case ["change", path, seed]:
            change(path, int(seed))
        case ["count", path]:
            count(path)
