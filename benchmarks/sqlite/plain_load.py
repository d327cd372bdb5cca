"""What `tallies load` is measured beside: reading the CSV and making the same writes in a loop.

usage: python -m benchmarks.sqlite.plain_load LOG FILE   (a store that `tallies init` has made)

The table has its triggers and its index; nothing is checked, nothing is counted.
"""

import csv
import sqlite3
import sys
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter

_INSERT = (
    "INSERT INTO favorites (restaurant_id, user_id, created_at) VALUES (?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_DELETE = "DELETE FROM favorites WHERE restaurant_id = ? AND user_id = ?"
_CHUNK = 10_000


def load(log: str, file: str) -> None:
    """Load all of it, as one would who needs it once."""
    with open(log, newline="") as lines, closing(sqlite3.connect(file)) as connection:  # noqa: PTH123
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = normal")
        rows = csv.reader(lines)
        next(rows)
        while part := list(islice(rows, _CHUNK)):
            connection.execute("BEGIN IMMEDIATE")
            for op, run in groupby(part, itemgetter(3)):
                if op == "mark":
                    connection.executemany(_INSERT, ((r, u, t) for u, r, t, _ in run))
                else:
                    connection.executemany(_DELETE, ((r, u) for u, r, _, _ in run))
            connection.execute("COMMIT")


if __name__ == "__main__":
    load(*sys.argv[1:])
