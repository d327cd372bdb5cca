"""Aggregation of the embedded log, beside the loop that one would write without a library."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.measure import in_turns, seconds
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.favorites.on_sqlite import SqliteFavorites

NAIVE_BATCH = 5_000
_LIVE_DAYS, _HISTORY_DAYS = 1.0, 365.0


def run(run: Run) -> Iterator[Result]:
    """A backlog of one day of a busy site; then a year of history, where days share nothing."""
    a_day = run.pick(300_000, 100_000)
    yield _compare(run, "a day's log", a_day, _LIVE_DAYS, Bound(">=", 1.0))
    a_year = run.pick(300_000, 100_000, usual=100_000)
    yield _compare(run, "a year's log", a_year, _HISTORY_DAYS, None)


def _compare(run: Run, what: str, records: int, days: float, bound: Bound | None) -> Result:
    full = run.folder / f"{days:.0f}.db"
    with SqliteFavorites(full) as store:
        store.init()
        for _ in store.load(marks(records, days=days)):
            pass
    copy = run.folder / "round.db"

    def ours() -> list[float]:
        _fresh(full, copy)
        with SqliteFavorites(copy) as store:
            aggregator = store.aggregator()
            taken = seconds(lambda: _until_empty(aggregator.step))
            assert store.position() == records
        return [records / taken]

    def naive() -> list[float]:
        _fresh(full, copy)
        connection = sqlite3.connect(copy, isolation_level=None)
        connection.execute("PRAGMA synchronous = normal")
        connection.execute("CREATE TABLE naive (restaurant_id TEXT PRIMARY KEY, n INTEGER)")
        taken = seconds(lambda: naive_loop(connection))
        assert connection.execute("SELECT sum(n) FROM naive").fetchone() == (records,)
        connection.close()
        return [records / taken]

    (found,) = in_turns(run.pick(7, 5, usual=5), ours, naive)
    return Result(
        what=f"aggregation of {what}, {records:,} records",
        unit="records/s",
        ours=found.ours,
        peer_name="naive loop",
        peer=found.peer,
        ratio=found.ratio,
        bound=bound,
        higher_is_better=True,
    )


def naive_loop(connection: sqlite3.Connection) -> None:
    """Read 5,000 records, add, one upsert each, commit. No windows, no position, no trimming."""
    position = 0
    while True:
        rows = connection.execute(
            "SELECT position, row_restaurant_id, amount FROM tallies_log WHERE position > ?"
            " ORDER BY position LIMIT ?",
            (position, NAIVE_BATCH),
        ).fetchall()
        if not rows:
            return
        counts: dict[str, int] = {}
        for _, restaurant, amount in rows:
            counts[restaurant] = counts.get(restaurant, 0) + amount
        position = rows[-1][0]
        connection.execute("BEGIN IMMEDIATE")
        for restaurant, n in counts.items():
            connection.execute(
                "INSERT INTO naive VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (restaurant, n),
            )
        connection.execute("COMMIT")


def _until_empty(step: object) -> None:
    assert callable(step)
    while step().records:
        pass


def _fresh(full: Path, copy: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(full, copy)
