"""`init` of a table that has rows, and of columns in another spelling."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidTally, StoreUnavailable
from tallies.core.tally import Count, Tally
from tallies.core.windows import Window
from tallies.stores.sqlite import SqliteStore
from tallies.stores.sqlite.apply import lease

TALLY = Tally(name="cities", group_by="city", measures={"orders": Count()}, ranked=(Window.ALL,))
ROWS = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (city TEXT)")
        cities = ((f"c{number % 700}",) for number in range(ROWS))
        connection.executemany("INSERT INTO orders VALUES (?)", cities)
    return tmp_path / "shop.db"


def begin(path: Path) -> bool:
    with SqliteStore(path, Declaration([TALLY], "orders")) as store:
        done = store.init()
        assert store.verify().drifted == []
        assert sum(int(row.values["orders"]) for row in store.rows()) == ROWS
        return done


def test_programs_that_begin_together_wait_for_the_one_that_counts(path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert any(threads.map(begin, [path] * 4))
    assert not begin(path)


def test_another_goes_on_where_the_one_that_counts_has_died(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.2)
    with SqliteStore(path, Declaration([TALLY], "orders")) as store:

        def dies(what: str, *_: object) -> None:
            if what == "Mending":
                raise StoreUnavailable("killed")

        with pytest.raises(StoreUnavailable, match="killed"):
            store.init(progress=dies)
        with store.database.writing() as connection:  # it had no time to give its lease back
            connection.execute(
                "INSERT INTO tallies_leases (name, holder, beat) VALUES ('seeding', 'dead', 7)"
            )
    assert begin(path)


def test_a_column_is_written_as_in_the_table(path: Path) -> None:
    odd = replace(TALLY, group_by=("City",))
    with (
        SqliteStore(path, Declaration([odd], "orders")) as store,
        pytest.raises(InvalidTally, match="column city of the table orders is 'City'"),
    ):
        store.init()
    begin(path)
    with (
        SqliteStore(path) as store,
        pytest.raises(InvalidTally, match="write it as the table does"),
    ):
        store.rebuild(Declaration([TALLY, replace(odd, name="other")], "orders"))
    assert not begin(path)
