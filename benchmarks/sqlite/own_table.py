"""What tallies of a table of one's own cost its writers: the same inserts with our triggers and
without them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.harness.measure import in_turns, percentile
from benchmarks.harness.result import Bound, Result, Run
from tallies.core.declaration.declaration import read_declaration
from tallies.stores.sqlite.store import SqliteStore

_DECLARATION = """
table = "orders"

[[tally]]
name = "sales"
group_by = ["restaurant"]
time = "placed_at"
windows = ["all", "month", "day"]
measures.revenue = { sum = "total" }
measures.orders = "count"
ranked_by = "revenue"
"""
_TABLE = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, restaurant TEXT NOT NULL,"
    " placed_at TEXT NOT NULL, total NUMERIC, note TEXT)"
)
_INSERT = "INSERT INTO orders (restaurant, placed_at, total) VALUES (?, ?, ?)"


def run(run: Run) -> Iterator[Result]:
    """One insert a transaction, as an application makes them."""
    count = run.pick(20_000, 5_000)

    def with_tallies() -> list[float]:
        path = _fresh(run.folder / "with.db")
        with SqliteStore(path, read_declaration(_DECLARATION)) as store:
            store.init()
        return _latencies(path, count)

    def without() -> list[float]:
        return _latencies(_fresh(run.folder / "without.db"), count)

    for place, found in enumerate(in_turns(run.pick(7, 3), with_tallies, without)):
        yield Result(
            what=f"insert into a declared table, p{(50, 99)[place]}",
            unit="us",
            ours=found.ours,
            peer_name="without tallies",
            peer=found.peer,
            ratio=found.ratio,
            bound=Bound("<=", 1.5) if place == 0 else None,
            higher_is_better=False,
        )


def _fresh(path: Path) -> Path:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(_TABLE)
    connection.close()
    return path


def _latencies(path: Path, count: int) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = normal")
    taken = []
    for number in range(count):
        row = (f"r{number % 997}", f"2026-11-{number % 28 + 1:02}T12:00:00Z", number % 9000 / 100)
        started = perf_counter()
        connection.execute(_INSERT, row)
        taken.append(perf_counter() - started)
    connection.close()
    return [percentile(taken, share) * 1e6 for share in (0.5, 0.99)]
