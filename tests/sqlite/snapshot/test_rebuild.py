"""Rebuild beside writers and aggregators of other processes, killed at any moment."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.snapshot import mend
from tests.length import at_length
from tests.sqlite.apply.test_kill import start, wait_for_lines

ROUNDS = int(os.environ.get("TALLIES_KILL_ROUNDS", at_length(12, least=6)))
REBUILD = """
import sys
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.snapshot import mend
mend.ROWS_AT_A_TIME = 3
def report(what, done, total):
    print(what, done, flush=True)
with SqliteFavorites(sys.argv[1]) as store:
    print("begins", flush=True)
    store.rebuild(progress=report)
"""


@contextmanager
def busy(path: Path, folder: Path) -> Iterator[None]:
    """A writer and an aggregator, each a process, at work."""
    logs = [folder / "writer", folder / "aggregator"]
    processes = [
        start("write", str(path), "u1", "7", log=logs[0]),
        start("aggregate", str(path), log=logs[1]),
    ]
    try:
        wait_for_lines(logs[:1], 40)
        wait_for_lines(logs[1:], 1)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def plant(path: Path, dice: random.Random) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        for number in range(30):
            connection.execute(
                "INSERT INTO tallies_favorites VALUES (?, ?, ?, 'by hand') ON CONFLICT DO UPDATE"
                " SET favorites = favorites + excluded.favorites",
                (f"r{number}", dice.choice(["all", "2082-11"]), dice.randrange(1, 9)),
            )


@pytest.mark.slow
def test_killing_rebuilds_while_all_goes_on(tmp_path: Path) -> None:
    dice = random.Random(3)
    path = tmp_path / "favorites.db"
    with SqliteFavorites(path) as store:
        store.init()
        with busy(path, tmp_path):
            for _ in range(ROUNDS):
                plant(path, dice)
                assert store.verify().drifted
                command = [sys.executable, "-c", REBUILD, str(path)]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                    assert process.stdout is not None
                    for _ in range(dice.randrange(1, 8)):
                        process.stdout.readline()
                    process.kill()
                store.rebuild()
                assert store.verify().drifted == []
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass
        assert store.verify().drifted == []
        assert store.lag()[0] == 0


@pytest.mark.parametrize("moved", [-20, 20, 10_000])
def test_positions_moved_by_hand(tmp_path: Path, moved: int) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        for number in range(40):
            store.mark(f"u{number}", "r1")
        store.aggregator(batch=30).step()
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute(
                "UPDATE tallies_catalog SET position = max(0, position + ?)", (moved,)
            )
        assert store.verify().drifted
        assert store.rebuild().drifted
        for number in range(5):
            store.mark(f"v{number}", "r1")
        while store.aggregator().step().records:
            pass
        assert store.verify().drifted == []
        assert store.tally("r1", ["all"]) == {"all": 45}


def test_a_position_set_back_by_hand_before_a_parked_record(tmp_path: Path) -> None:
    """The record is parked once, and the ones after it are still counted."""
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        store.mark("ann", "r1")
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute(
                "INSERT INTO favorites (restaurant_id, user_id, created_at)"
                " VALUES ('r1', 'bob', '2082-02-30T00:00:00.000000Z')"
            )
        store.mark("zoe", "r1")
        store.aggregator(batch=2).step()  # the log is not emptied yet
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute("UPDATE tallies_catalog SET position = 0")
        while store.aggregator().step().records:
            pass
        assert store.status().parked == 1
        store.rebuild()
        assert store.verify().drifted == []
        assert store.tally("r1", ["all"]) == {"all": 2}


@pytest.mark.slow
def test_a_rebuild_that_another_has_overtaken_adds_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mend, "ROWS_AT_A_TIME", 3)
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        plant(store.path, random.Random(1))

        def overtake(what: str, done: int, total: int | None) -> None:
            if done == 3:
                store.rebuild()

        with pytest.raises(StoreUnavailable, match="Another rebuild"):
            store.rebuild(progress=overtake)
        assert store.verify().drifted == []
