"""The commands on a table of somebody's own, in a database file of theirs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite import SqliteStore
from tests.cli.command import tallies

SALES = """
table = "orders"

[[tally]]
name = "sales"
group_by = ["city", "shop"]
time = "at"
windows = ["all", "day"]
ranked = ["all", "day"]
ranked_by = "revenue"
measures = { orders = "count", revenue = { sum = "total" } }

[[tally]]
name = "cities"
group_by = "city"
measures = { orders = "count" }
ranked = ["all"]
"""

IMPATIENT = """
from tallies.stores.sqlite.connection import transactions
transactions.BUSY_TIMEOUT_SECONDS = 1.0
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            """
            CREATE TABLE orders (
                number INTEGER PRIMARY KEY, city TEXT, shop TEXT, total REAL, at TEXT);
            CREATE VIEW paid AS SELECT * FROM orders;
            CREATE VIRTUAL TABLE words USING fts5(word);
            INSERT INTO orders VALUES
                (1, 'Rome', 'a', 1.5, '2082-11-23T09:00:00Z'),
                (2, 'Rome', 'b', 20, '2082-11-23T09:00:00Z');
            """
        )
        yield connection


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


def declare(folder: Path, text: str = SALES) -> str:
    path = folder / "tallies.toml"
    path.write_text(text)
    return str(path)


def answer(url: str, *arguments: str) -> Any:
    ran = tallies(*arguments, "--json", store=url)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_rows_that_are_there_count_from_the_start(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    ran = tallies("init", "--declaration", declare(tmp_path), store=url)
    assert (ran.code, ran.out) == (0, f"{url}: ready\n")
    ran = tallies("init", "--declaration", declare(tmp_path), store=url)
    assert ran.out == f"{url}: was ready already\n"
    assert answer(url, "top", "--tally", "cities") == [{"rank": 1, "city": "Rome", "orders": 2}]


def test_rows_that_cannot_be_counted_are_told_of(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    database.execute("INSERT INTO orders VALUES (3, 'Rome', 'a', 'much', '2082-11-23T09:00:00Z')")
    database.execute("INSERT INTO orders VALUES (4, NULL, 'a', 1, '2082-11-23T09:00:00Z')")
    in_sales, in_cities = (
        f"{rows} of the source cannot be counted in {tally}, for what is missing or invalid:"
        f" {parts}."
        for rows, tally, parts in (
            ("2 rows", "sales", "group_by in 1, measures in 1"),
            ("1 row", "cities", "group_by in 1"),
        )
    )
    made = tallies("init", "--declaration", declare(tmp_path), store=url)
    assert (made.code, made.out) == (0, f"{url}: ready\n")
    assert made.err == f"{in_sales}\n{in_cities}\n"
    verified = tallies("verify", store=url)
    assert (verified.code, verified.err) == (0, "")
    assert " ".join(verified.out.split()) == f"5 rows checked, 0 drifted {in_sales} {in_cities}"
    assert answer(url, "verify") == {
        "checked": 5,
        "uncounted": {"group_by": 2, "measures": 1},
        "drifted": [],
    }


def test_of_tallies_that_are_built_anew_no_row_is_drift(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    by_day = declare(tmp_path, SALES + 'time = "at"\nwindows = ["all", "day"]\n')
    built = tallies("rebuild", "--declaration", by_day, store=url)
    assert (built.code, built.out) == (0, "2 rows checked, 2 numbers built\n")
    by_month = declare(tmp_path, SALES + 'time = "at"\nwindows = ["all", "month"]\n')
    assert answer(url, "rebuild", "--declaration", by_month) == {
        "checked": 2,
        "built": 2,
        "mended": [],
    }


def test_json_is_json_whatever_a_row_holds(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    database.execute("INSERT INTO orders VALUES (3, 'Oslo', 'a', 9e999, '2082-11-23T09:00:00Z')")
    assert tallies("worker", "--once", store=url).code == 0
    listed = tallies("parked", "list", "--json", store=url).out

    def never(constant: str) -> None:
        raise AssertionError(constant)

    (record,) = json.loads(listed, parse_constant=never)
    assert record["content"]["new"]["total"] == "inf"


def test_tallies_under_another_prefix_are_named(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    none = tallies("top", store=url)
    assert (none.code, none.out) == (2, "")
    assert "keeps no tallies; `tallies init --declaration FILE`" in none.err
    prefixed = f"{url}?prefix=sales"
    assert tallies("init", "--declaration", declare(tmp_path), store=prefixed).code == 0
    assert "prefix tallies, but those of ?prefix=sales;" in tallies("top", store=url).err


def test_every_command(database: sqlite3.Connection, url: str, tmp_path: Path) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    database.execute("INSERT INTO orders VALUES (3, 'Oslo', 'a', 0.1, '2082-11-23T09:00:00Z')")
    database.execute("REPLACE INTO orders VALUES (2, 'Oslo', 'a', 0.2, '2082-11-23T10:00:00Z')")
    database.execute("INSERT INTO orders VALUES (4, 'Bern', 'a', 'much', '2082-11-23T10:00:00Z')")
    assert answer(url, "status")["lag_records"] == 4
    assert tallies("worker", "--once", store=url).code == 0
    assert answer(url, "top") == [
        {"rank": 1, "city": "Rome", "shop": "a", "revenue": 1.5},
        {"rank": 2, "city": "Oslo", "shop": "a", "revenue": 0.3},
    ]
    assert answer(url, "rank", "Oslo", "a", "2082-11-23")["rank"] == 2
    assert answer(url, "show", "Oslo", "a")["windows"] == {
        "all": {"orders": 2, "revenue": 0.3},
        "2082-11-23": {"orders": 2, "revenue": 0.3},
    }
    assert answer(url, "verify")["drifted"] == []
    (parked,) = answer(url, "parked", "list")
    assert "much" in json.dumps(parked["content"])
    assert tallies("parked", "discard", parked["id"], "--yes", store=url).code == 0
    exported = tallies("export", "--tally", "cities", store=url).out.splitlines()
    assert exported == [
        "city,kind,window,starts,orders",
        "Bern,all,all,,1",
        "Oslo,all,all,,2",
        "Rome,all,all,,1",
    ]
    status = answer(url, "status")
    assert (status["source"], status["source_rows"], status["lag_records"]) == ("orders", 4, 0)


def test_no_text_takes_the_table_for_favorites(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    """Whatever is asked, rightly and wrongly, of a store that is about something else."""
    tallies("init", "--declaration", declare(tmp_path), store=url)
    database.execute("INSERT INTO orders VALUES (4, 'Bern', 'a', 'much', '2082-11-23T10:00:00Z')")
    database.execute("UPDATE tallies_sales SET orders = orders + 1")
    groups = tmp_path / "groups"
    groups.write_text("Rome\ta\n\tb\n")
    many = tmp_path / "many"
    many.write_text("".join(f"{number}\n" for number in range(1001)))
    asked: list[list[str]] = [
        ["worker", "--once"],
        ["top"],
        ["top", "2082-11-22"],
        ["top", "--tally", "nope"],
        ["top", "--among", str(groups)],
        ["top", "--tally", "cities", "--among", str(many)],
        ["rank", "Rome"],
        ["rank", "Rome", ""],
        ["rank", "Oslo", "a"],
        ["rank", "x" * 1500, "y" * 1500],
        ["show"],
        ["show", "", "a"],
        ["show", "--tally", "cities", ""],
        ["show", "--tally", "cities", "a\x07"],
        ["show", "Oslo", "a"],
        ["status"],
        ["parked", "list"],
        ["parked", "retry", "--all"],
        ["parked", "retry", "none"],
        ["export"],
        ["verify"],
        ["rebuild", "--dry-run"],
        ["rebuild"],
        ["init"],
    ]
    for arguments in asked:
        ran = tallies(*arguments, store=url)
        said = (ran.out + ran.err).replace(str(tmp_path), "").lower()
        assert ran.code in (0, 1, 2)
        for word in ("favorite", "restaurant", "user"):
            assert word not in said, arguments
    empty = tallies("rank", "Rome", "", store=url)
    assert empty.err == "tallies: The shop is empty; give one.\n"
    too_many = tallies("top", "--tally", "cities", "--among", str(many), store=url)
    assert too_many.err == "tallies: There are 1,001 groups; give 1 to 1,000.\n"
    long = tallies("show", "--tally", "cities", "x" * 1500, store=url)
    assert (long.code, long.err) == (0, "")  # a group may be longer than an id of the application


def test_what_is_only_for_favorites_says_whose_table_it_is(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\nann,a,2026-11-22T12:00:00Z\n")
    names = tmp_path / "names.csv"
    names.write_text("restaurant_id,name\n")
    before = database.execute("SELECT name FROM sqlite_schema").fetchall()
    for arguments in (["load", str(log)], ["demo", "--port", "0"]):
        ran = tallies(*arguments, store=url)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert "does not count favorites of restaurants but the table orders" in ran.err
    ran = tallies("serve", "--port", "0", "--names", str(names), store=url)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "is not about restaurants" in ran.err
    assert database.execute("SELECT name FROM sqlite_schema").fetchall() == before


def test_a_drift_is_found_and_mended(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    database.execute("UPDATE tallies_cities SET orders = orders + 1")
    found = tallies("verify", "--json", store=url)
    assert found.code == 1
    assert [drift["actual"] for drift in json.loads(found.out)["drifted"]] == [3]
    assert tallies("rebuild", store=url).code in (0, 1)
    assert answer(url, "verify")["drifted"] == []


def test_each_tally_tells_its_own_drift(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    database.execute("UPDATE tallies_sales SET orders = 7 WHERE time_window = 'all'")
    database.execute("UPDATE tallies_cities SET orders = 9")
    ran = tallies("verify", "--json", store=url)
    assert ran.code == 1
    by_shop = {"window": "all", "expected": 1, "actual": 7, "measure": "orders"}
    assert json.loads(ran.out)["drifted"] == [
        {"tally": "sales", "city": "Rome", "shop": "a", **by_shop},
        {"tally": "sales", "city": "Rome", "shop": "b", **by_shop},
        {"tally": "cities", "city": "Rome", "window": "all", "expected": 2, "actual": 9},
    ]
    printed = tallies("verify", store=url).out
    assert "sales:" in printed
    assert printed.index("shop") < printed.index("cities:")


def test_what_is_declared_anew_is_built_beside(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    tallies("init", "--declaration", declare(tmp_path), store=url)
    more = SALES + '\n[[tally]]\nname = "total"\ngroup_by = []\nmeasures = { orders = "count" }\n'
    ran = tallies("rebuild", "--declaration", declare(tmp_path, more), store=url)
    assert ran.code in (0, 1), ran.err
    assert answer(url, "show", "--tally", "total")["windows"] == {"all": 2}
    assert answer(url, "verify")["drifted"] == []


def test_several_prefixes_in_one_file(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    database.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, page TEXT)")
    visits = 'table = "visits"\n[[tally]]\nname = "pages"\ngroup_by = "page"\n'
    visits += 'measures = { visits = "count" }\nranked = ["all"]\n'
    other = f"{url}?prefix=visits_of"
    assert tallies("init", "--declaration", declare(tmp_path), store=url).code == 0
    assert tallies("init", "--declaration", declare(tmp_path, visits), store=other).code == 0
    database.execute("INSERT INTO visits (page) VALUES ('/'), ('/'), ('/about')")
    for store in (url, other):
        assert tallies("worker", "--once", store=store).code == 0
        assert answer(store, "verify")["drifted"] == []
    assert answer(other, "top")[0] == {"rank": 1, "page": "/", "visits": 2}
    assert tallies("drop", "--yes", store=other).code == 0
    assert answer(url, "top", "--tally", "cities")[0]["orders"] == 2


def test_drop_leaves_the_table_as_it_was(
    database: sqlite3.Connection, url: str, tmp_path: Path
) -> None:
    schema = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 2"
    before = database.execute(schema).fetchall()
    tallies("init", "--declaration", declare(tmp_path), store=url)
    database.execute("DELETE FROM orders WHERE number = 1")
    with SqliteStore(tmp_path / "shop.db") as store, EmbeddedLoop(store):
        while store.status().aggregator is None:
            pass
        ran = tallies("drop", "--yes", store=url)
    assert ran.code == 2
    assert "stop it first" in ran.err
    ran = tallies("drop", store=url)  # nobody is there to be asked
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "say --yes" in ran.err
    ran = tallies("drop", "--yes", store=url)
    assert (ran.code, ran.out) == (0, f"{url}: the tallies of orders are gone\n")
    assert database.execute(schema).fetchall() == before
    assert database.execute("SELECT number FROM orders").fetchall() == [(2,)]
    ran = tallies("drop", "--yes", store=url)
    assert (ran.code, ran.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('table = "nowhere"', "no table 'nowhere'"),
        ('table = "paid"', "'paid' is a view"),
        ('table = "words"', "virtual table"),
        ('group_by = ["city", "country"]', "no column 'country'"),
    ],
)
def test_what_cannot_be_declared(
    database: sqlite3.Connection, url: str, tmp_path: Path, change: str, says: str
) -> None:
    key = change.partition(" ")[0]
    lines = [change if line.startswith(key) else line for line in SALES.splitlines()]
    before = database.execute("SELECT * FROM sqlite_schema").fetchall()
    ran = tallies("init", "--declaration", declare(tmp_path, "\n".join(lines)), store=url)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err
    assert database.execute("SELECT * FROM sqlite_schema").fetchall() == before


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nowhere.db"
    ran = tallies("init", "--declaration", declare(tmp_path), store=url)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert (
        f"There is no database {tmp_path}/nowhere.db, which would have the table orders" in ran.err
    )
    assert not (tmp_path / "nowhere.db").exists()


def test_a_prefix_that_is_taken(database: sqlite3.Connection, url: str, tmp_path: Path) -> None:
    database.execute("CREATE TABLE tallies_catalog (theirs)")
    ran = tallies("init", "--declaration", declare(tmp_path), store=url)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "another prefix" in ran.err


def test_a_database_that_is_locked(database: sqlite3.Connection, url: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    database.execute("BEGIN EXCLUSIVE")
    ran = tallies(
        *("init", "--declaration", declare(tmp_path)), store=url, PYTHONPATH=str(tmp_path)
    )
    database.execute("ROLLBACK")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "busy" in ran.err or "locked" in ran.err
    assert database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0


def test_a_database_without_a_declaration(database: sqlite3.Connection, url: str) -> None:
    for command in (["init"], ["top"], ["serve", "--port", "0"]):
        ran = tallies(*command, store=url)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
