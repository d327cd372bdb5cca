"""The owner of a table changes its form: what is counted goes on, or `status` says what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tallies.core.declaration.declaration import Declaration
from tallies.core.tally import Count, Sum, Tally
from tallies.stores.sqlite import SqliteStore

TALLY = Tally(name="cities", group_by="city", measures={"orders": Count(), "revenue": Sum("total")})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, city TEXT, total INTEGER, note TEXT)"
        )
        yield connection


@pytest.fixture
def store(database: sqlite3.Connection, tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "shop.db", Declaration([TALLY], "orders")) as store:
        store.init()
        database.execute("INSERT INTO orders VALUES (1, 'Rome', 5, ''), (2, 'Oslo', 7, '')")
        yield store


def settle(store: SqliteStore) -> None:
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass


def trouble(store: SqliteStore) -> str:
    return str(store.status().details.get("trouble", ""))


def counts(store: SqliteStore) -> dict[str, tuple[object, ...]]:
    return {row.group: tuple(row.values.values()) for row in store.rows()}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE orders ADD COLUMN more TEXT DEFAULT 'x'",
        "ALTER TABLE orders RENAME COLUMN note TO remark",
        "ALTER TABLE orders DROP COLUMN note",
        "CREATE UNIQUE INDEX totals ON orders (total)",
    ],
)
def test_what_no_tally_reads_may_change(
    store: SqliteStore, database: sqlite3.Connection, change: str
) -> None:
    database.execute(change)
    database.execute("INSERT INTO orders (id, city, total) VALUES (3, 'Rome', 1)")
    store.tidy()
    database.execute("REPLACE INTO orders (id, city, total) VALUES (4, 'Bern', 5)")
    settle(store)
    assert list(store.verify().drifted) == []
    assert trouble(store) == ""


def test_a_renamed_table_is_counted_on(store: SqliteStore, database: sqlite3.Connection) -> None:
    database.execute("ALTER TABLE orders RENAME TO sales")
    database.execute("INSERT INTO sales VALUES (3, 'Rome', 1, '')")
    settle(store)
    assert "is called sales now" in trouble(store)
    assert list(store.rebuild().drifted) == []
    assert trouble(store) == ""
    assert store.source == "sales"
    assert counts(store) == {"Oslo": (1, 7), "Rome": (2, 6)}
    assert list(store.verify().drifted) == []


def test_a_table_that_is_made_anew(store: SqliteStore, database: sqlite3.Connection) -> None:
    """As Django and Alembic change columns: twelve steps, of which the triggers survive none."""
    settle(store)
    database.executescript(
        """
        PRAGMA foreign_keys = off;
        BEGIN;
        CREATE TABLE new_orders (id INTEGER PRIMARY KEY, city TEXT NOT NULL, total INTEGER);
        INSERT INTO new_orders SELECT id, city, total FROM orders;
        DROP TABLE orders;
        ALTER TABLE new_orders RENAME TO orders;
        COMMIT;
        """
    )
    database.execute("INSERT INTO orders VALUES (3, 'Rome', 1)")
    assert "run `tallies rebuild`" in trouble(store)
    store.rebuild()
    assert trouble(store) == ""
    database.execute("DELETE FROM orders WHERE id = 2")
    settle(store)
    assert counts(store) == {"Rome": (2, 6)}
    assert list(store.verify().drifted) == []


def test_a_column_that_is_counted_goes(store: SqliteStore, database: sqlite3.Connection) -> None:
    settle(store)
    with pytest.raises(sqlite3.OperationalError, match="tallies drop"):
        database.execute("ALTER TABLE orders DROP COLUMN total")  # SQLite names our trigger
    database.execute("INSERT INTO orders VALUES (3, 'Rome', 1, '')")  # nothing is broken by it
    settle(store)
    assert list(store.verify().drifted) == []


def test_a_column_that_is_counted_is_renamed(
    store: SqliteStore, database: sqlite3.Connection
) -> None:
    database.execute("ALTER TABLE orders RENAME COLUMN total TO price")
    database.execute("INSERT INTO orders VALUES (3, 'Rome', 1, '')")  # writers are not stopped
    settle(store)
    assert counts(store) == {"Oslo": (1, 7), "Rome": (2, 6)}
    assert "no column 'total'" in trouble(store)
    renamed = Tally(
        name="cities", group_by="city", measures={"orders": Count(), "revenue": Sum("price")}
    )
    store.rebuild(Declaration([renamed], "orders"))
    assert trouble(store) == ""
    assert counts(store) == {"Oslo": (1, 7), "Rome": (2, 6)}


def test_a_table_that_is_renamed_is_verified(
    store: SqliteStore, database: sqlite3.Connection
) -> None:
    database.execute("ALTER TABLE orders RENAME TO sales")
    database.execute("INSERT INTO sales VALUES (3, 'Rome', 1, '')")
    assert store.verify().drifted == []
    settle(store)
    assert store.verify().drifted == []
    assert counts(store) == {"Oslo": (1, 7), "Rome": (2, 6)}


def test_a_trigger_that_is_newer_than_ours(
    store: SqliteStore, database: sqlite3.Connection
) -> None:
    database.execute(
        "CREATE TRIGGER newer AFTER INSERT ON orders BEGIN"
        " UPDATE orders SET city = upper(new.city) WHERE id = new.id; END"
    )
    assert "has a new trigger" in trouble(store)
    store.tidy()
    assert trouble(store) == ""
    database.execute("REPLACE INTO orders VALUES (1, 'Bern', 2, '')")
    settle(store)
    assert counts(store) == {"BERN": (1, 2), "Oslo": (1, 7)}
