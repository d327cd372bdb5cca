"""Files made by version 0.1, as its code left them, are brought up to date where they lie.

Each holds rows that were counted, records that were not yet, and one that was parked.
"""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tallies.core.errors import StoreError
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite import SqliteStore

MADE = Path(__file__).parent / "made_by_0_1"


@pytest.fixture(params=["usual", "declared"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copy(MADE / f"{request.param}.sqlite", tmp_path / "s.db"))


def counted(path: Path) -> Counter[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT restaurant_id FROM favorites WHERE user_id <> 'bad'")
        return Counter(restaurant for (restaurant,) in rows)


@pytest.mark.parametrize("opens", ["reads", "inits"])
def test_an_old_file_is_read_written_and_counted_on(path: Path, opens: str) -> None:
    with SqliteFavorites(path) as store:
        if opens == "inits":
            assert store.init() is True
        assert store.lag()[0] == 6  # what was in the log is still there
        assert store.verify().drifted == []
        assert store.parked.count() == 1
        store.mark("new", "r0")
        store.aggregator().step()
        assert store.lag()[0] == 0
        assert store.verify().drifted == []
        board = {line.group: line.amount for line in store.leaderboard("all", 100)}
        assert board == counted(path)
        assert store.init() is False
    with SqliteStore(path) as plain:
        assert {line.group: line.amount for line in plain.leaderboard("all", 100)} == board


def test_the_declaration_stays(path: Path) -> None:
    with SqliteFavorites(path) as store:
        zone = "Europe/Lisbon" if "week" in store.of.windows else "UTC"
        assert store.of.zone == zone
        assert store.leaderboard("all", 1)
        assert store.rebuild().drifted == []


def test_the_parked_record_can_be_decided(path: Path) -> None:
    with SqliteFavorites(path) as store:
        (record,) = store.parked.records()
        assert "2020-02-30" in record.reason
        with pytest.raises(StoreError.__mro__[1], match="2020-02-30"):
            store.parked.retry(record.id)
        store.parked.discard(record.id)
        assert store.parked.count() == 0


def test_positions_go_on_where_they_were(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (end,) = connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'changes'"
        ).fetchone()
    with SqliteFavorites(path) as store:
        store.mark("new", "r0")
        assert store.end_of_log() == end + 1


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tallies_log (theirs)")
        before = list(connection.iterdump())
    with SqliteFavorites(path) as store, pytest.raises(StoreError):
        store.init()
    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
