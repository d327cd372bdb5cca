"""The log and its aggregation, beside triggers that keep the same three rows at write time."""

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.harness.measure import in_turns, seconds
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.favorites.favorite import Event
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.rows.names import Names
from tallies.stores.sqlite.source.triggers import drop_triggers

_INSERT = (
    "INSERT INTO favorites (restaurant_id, user_id, created_at) VALUES (?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
# The same tables, index and windows; only who writes the tallies differs.
_UPSERT = (
    'INSERT INTO tallies_favorites ("group", time_window, favorites, updated_at)'
    " VALUES (new.restaurant_id, {window}, 1, new.created_at) ON CONFLICT DO UPDATE"
    " SET favorites = favorites + 1, updated_at = excluded.updated_at;"
)
_WINDOWS = ("'all'", "substr(new.created_at, 1, 7)", "substr(new.created_at, 1, 10)")
_TRIGGERS = (
    "CREATE TRIGGER counted AFTER INSERT ON favorites BEGIN "
    + "".join(_UPSERT.format(window=window) for window in _WINDOWS)
    + " END;"
)


def run(run: Run) -> Iterator[Result]:
    """Until the tallies are up to date: in large transactions, then one mark a transaction."""
    yield _compare(run, run.pick(100_000, 30_000, usual=40_000), chunk=5_000)
    yield _compare(run, run.pick(20_000, 10_000, usual=10_000), chunk=1)


def _compare(run: Run, count: int, chunk: int) -> Result:
    events = list(marks(count, days=1))
    ours, peer = run.folder / "ours.db", run.folder / "peer.db"

    def with_log() -> list[float]:
        connection = _empty(ours, "")
        with SqliteFavorites(ours) as store:
            step = store.aggregator().step

            def work() -> None:
                _write(connection, events, chunk)
                while step().records:
                    pass

            return [_rate(work, connection, count)]

    def with_triggers() -> list[float]:
        connection = _empty(peer, _TRIGGERS)
        return [_rate(lambda: _write(connection, events, chunk), connection, count)]

    (found,) = in_turns(run.pick(5, 3, usual=3), with_log, with_triggers)
    return Result(
        what=f"marks written and counted, {chunk:,} a transaction",
        unit="marks/s",
        ours=found.ours,
        peer_name="3 upserts by triggers",
        peer=found.peer,
        ratio=found.ratio,
        bound=Bound(">=", 1.0),
        higher_is_better=True,
    )


def _empty(path: Path, script: str) -> sqlite3.Connection:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    with SqliteFavorites(path) as store:
        store.init()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = normal;")
    if script:
        drop_triggers(connection, Names())
        connection.executescript(script)
    return connection


def _write(connection: sqlite3.Connection, events: list[Event], chunk: int) -> None:
    rows = ((r, u, t) for u, r, t, _ in events)
    while part := list(islice(rows, chunk)):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, part)
        connection.execute("COMMIT")


def _rate(work: object, connection: sqlite3.Connection, count: int) -> float:
    assert callable(work)
    taken = seconds(work)
    (total,) = connection.execute(
        "SELECT sum(favorites) FROM tallies_favorites WHERE time_window = 'all'"
    ).fetchone()
    assert total == count, "a tally is wrong: the comparison would be too"
    connection.close()
    return count / taken
