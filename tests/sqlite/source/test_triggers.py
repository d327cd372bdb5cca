"""Whatever statement changes a table of somebody's own, its tallies are GROUP BY over its rows.

Random statements of every kind that SQLite has for rows, on tables of every kind that people have,
with `recursive_triggers` on and off.
"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.declaration.declaration import Declaration
from tallies.core.source.values import Value
from tallies.core.tally import Count, Sum, Tally
from tallies.stores.sqlite import SqliteStore
from tallies.stores.sqlite.rows.names import quoted
from tests.length import at_length

CITIES = ["Rome", "Oslo", "São Paulo"]
NUMBERS = [1, 2, 3, 4]
TEXTS = ["x", "X", "y", "z"]


@dataclass(frozen=True)
class Table:
    """A table, and what random statements put into it."""

    name: str
    script: str
    columns: Mapping[str, Sequence[object]]
    """The columns that statements write, with the values for each."""
    key: str
    """A unique column, or several, for upserts."""
    city: Value
    city_sql: str
    amount: str


def table(
    name: str,
    script: str,
    columns: Mapping[str, Sequence[object]],
    key: str = "id",
    city: Value | str = "city",
    city_sql: str = "city",
    amount: str = "amount",
) -> Table:
    value = city if isinstance(city, Value) else Value(city)
    return Table(name, script, columns, key, value, city_sql, amount)


USUAL: Mapping[str, Sequence[object]] = {
    "id": NUMBERS,
    "code": [*TEXTS, None],
    "city": CITIES,
    "amount": NUMBERS,
}
TABLES = {
    "rowid": table(
        "shops",
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT UNIQUE, city TEXT, amount INTEGER)",
        USUAL,
    ),
    "without rowid, keys that compare loosely": table(
        "shops",
        "CREATE TABLE shops (id TEXT COLLATE NOCASE, code TEXT, city TEXT NOT NULL DEFAULT 'Rome',"
        " amount INTEGER, PRIMARY KEY (id, code), UNIQUE (amount, code)) WITHOUT ROWID",
        {"id": TEXTS, "code": ["a", "b"], "city": [*CITIES, None], "amount": NUMBERS},
        key="id, code",
    ),
    "strict, no key but a partial unique index": table(
        "shops",
        "CREATE TABLE shops (id INT, code TEXT, city TEXT NOT NULL, amount INT) STRICT;"
        "CREATE UNIQUE INDEX one ON shops (id);"
        "CREATE UNIQUE INDEX some ON shops (code) WHERE amount > 2",
        USUAL,
    ),
    "generated columns": table(
        "shops",
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, town TEXT, code TEXT, amount INTEGER,"
        " city TEXT AS (upper(town)) STORED,"
        " both TEXT AS (code || amount) VIRTUAL, UNIQUE (both))",
        {"id": NUMBERS, "town": CITIES, "code": TEXTS, "amount": NUMBERS},
    ),
    "names that need quotes": table(
        'the "shops" [of] 1',
        'CREATE TABLE "the ""shops"" [of] 1" ("order" INTEGER PRIMARY KEY, "co de" TEXT UNIQUE,'
        ' "ci""ty" TEXT, "select" INTEGER)',
        {"order": NUMBERS, "co de": TEXTS, 'ci"ty': CITIES, "select": NUMBERS},
        key='"order"',
        city='ci"ty',
        city_sql='"ci""ty"',
        amount="select",
    ),
    "a column of JSON": table(
        "shops",
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT UNIQUE, doc TEXT, amount INTEGER)",
        {
            "id": NUMBERS,
            "code": TEXTS,
            "doc": [f'{{"at": {{"city": "{city}"}}}}' for city in CITIES],
            "amount": NUMBERS,
        },
        city=Value("doc", ("at", "city")),
        city_sql="doc ->> '$.at.city'",
    ),
    "the child of a parent that cascades": table(
        "shops",
        "CREATE TABLE cities (city TEXT PRIMARY KEY);"
        "INSERT INTO cities VALUES ('Rome'), ('Oslo'), ('São Paulo');"
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT UNIQUE, amount INTEGER,"
        " city TEXT REFERENCES cities ON DELETE CASCADE ON UPDATE CASCADE)",
        USUAL,
    ),
    "with triggers of its own": table(
        "shops",
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT UNIQUE, city TEXT, amount INTEGER);"
        "CREATE TRIGGER fewer AFTER INSERT ON shops WHEN new.amount = 4"
        " BEGIN DELETE FROM shops WHERE amount = 1; END;"
        "CREATE TRIGGER more AFTER INSERT ON shops WHEN new.amount = 3"
        " BEGIN UPDATE shops SET amount = 2, city = 'Oslo' WHERE id = new.id; END;"
        "CREATE TRIGGER before BEFORE INSERT ON shops WHEN new.amount = 2"
        " BEGIN UPDATE shops SET city = 'Rome' WHERE code = new.code; END;"
        "CREATE TRIGGER gone AFTER DELETE ON shops WHEN old.amount = 2"
        " BEGIN UPDATE shops SET amount = 4 WHERE amount = 3; END",
        USUAL,
    ),
}
EXAMPLES = int(os.environ.get("TALLIES_EXAMPLES", at_length(30, least=10)))
KINDS = ["insert", "insert", "insert", "upsert", "update", "update", "delete", "bracket"]
CONFLICT = ["", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK"]
PARENTS = [
    "DELETE FROM cities WHERE city = 'Oslo'",
    "INSERT OR IGNORE INTO cities VALUES ('Oslo'), ('Rome')",
    "UPDATE OR IGNORE cities SET city = 'Bern' WHERE city = 'Rome'",
]
BRACKETS = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s"]


@st.composite
def statements(draw: st.DrawFn, of: Table) -> tuple[str, Sequence[object]]:
    """A statement on the table, and its values."""
    name = quoted(of.name)
    column = st.sampled_from(list(of.columns))
    kind = draw(
        st.sampled_from(["insert"] * 4 + ["upsert", "update", "update", "delete", "bracket"])
    )
    if kind == "bracket":
        parents = PARENTS if "REFERENCES" in of.script else []
        return draw(st.sampled_from([*BRACKETS, *parents])), ()
    if kind == "delete":
        where = draw(column)
        if draw(st.integers(0, 9)) == 0:
            return f"DELETE FROM {name}", ()
        return f"DELETE FROM {name} WHERE {quoted(where)} = ?", (draw(_value(of, where)),)
    if kind == "update":
        conflict = draw(st.sampled_from(CONFLICT))
        what, where = draw(column), draw(column)
        values = [draw(_value(of, what)), draw(_value(of, where))]
        change = f"SET {quoted(what)} = ? WHERE {quoted(where)} = ?"
        return f"UPDATE {conflict} {name} {change}", values
    rows = draw(
        st.lists(st.tuples(*(_value(of, one) for one in of.columns)), min_size=1, max_size=3)
    )
    one = f"({', '.join('?' * len(of.columns))})"
    into = (
        f"INTO {name} ({', '.join(map(quoted, of.columns))}) VALUES {', '.join([one] * len(rows))}"
    )
    flat = [value for row in rows for value in row]
    if kind == "insert":
        return f"INSERT {draw(st.sampled_from(CONFLICT))} {into}", flat
    what = draw(column)
    update = f"DO UPDATE SET {quoted(what)} = excluded.{quoted(what)}"
    target = draw(st.sampled_from(["", f"({of.key})"]))
    action = draw(st.sampled_from(["DO NOTHING", update] if target else ["DO NOTHING"]))
    return f"INSERT {into} ON CONFLICT {target} {action}", flat


def _value(of: Table, column: str) -> st.SearchStrategy[object]:
    return st.sampled_from(of.columns[column])


@pytest.mark.parametrize("recursive", [False, True], ids=["", "recursive triggers"])
@pytest.mark.parametrize("kind", TABLES)
def test_any_statements(kind: str, recursive: bool) -> None:
    of = TABLES[kind]

    @settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(history=st.lists(statements(of), max_size=30))
    def run(history: list[tuple[str, Sequence[object]]]) -> None:
        with TemporaryDirectory() as folder:
            _check(of, recursive, history, Path(folder) / "db.sqlite")

    run()


def _check(
    of: Table, recursive: bool, history: list[tuple[str, Sequence[object]]], path: Path
) -> None:
    tally = Tally(
        name="by_city",
        group_by=(of.city,),
        measures={"shops": Count(), "amount": Sum(of.amount)},
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = off")
        connection.execute("PRAGMA foreign_keys = on")
        connection.executescript(of.script)
        connection.execute(f"PRAGMA recursive_triggers = {int(recursive)}")
        with SqliteStore(path, Declaration([tally], of.name)) as store:
            store.init()
            for statement, values in history:
                # Constraints that refuse a statement, brackets that do not fit: all part of it.
                with suppress(sqlite3.Error):
                    connection.execute(statement, values)
            if connection.in_transaction:
                connection.execute("COMMIT")
            aggregator = store.aggregator()
            while aggregator.step().records:
                pass
            found = {
                row.group: (row.values["shops"], row.values["amount"])
                for row in store.tallies()["by_city"].rows()
            }
            assert store.parked.count() == 0
        expected = connection.execute(
            f"SELECT {of.city_sql}, count(*), sum({quoted(of.amount)}) FROM {quoted(of.name)}"
            " GROUP BY 1"
        ).fetchall()
    assert found == {city: (shops, amount) for city, shops, amount in expected}


@pytest.mark.slow(but="IGNORE")
@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT UNIQUE, city TEXT)",
        "CREATE TABLE shops (id TEXT COLLATE NOCASE, code TEXT UNIQUE, city TEXT,"
        " PRIMARY KEY (id, code)) WITHOUT ROWID",
    ],
)
@pytest.mark.parametrize("statement", ["INSERT OR IGNORE INTO", "INSERT OR REPLACE INTO"])
def test_a_row_costs_no_more_after_many_that_were_in_the_way(
    script: str, statement: str, tmp_path: Path
) -> None:
    """Steps of SQLite's machine for one more row that is there already."""
    tally = Tally(name="by_city", group_by=("city",), measures={"shops": Count()})
    with closing(sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)) as connection:
        connection.execute(script)
        rows = [(number, f"code {number}", "Rome") for number in range(300)]
        connection.executemany("INSERT INTO shops VALUES (?, ?, ?)", rows)
        with SqliteStore(tmp_path / "db.sqlite", Declaration([tally], "shops")) as store:
            store.init()
        taken = 0

        def step() -> None:
            nonlocal taken
            taken += 1

        connection.set_progress_handler(step, 1)
        costs = []
        for row in rows:
            taken = 0
            connection.execute(f"{statement} shops VALUES (?, ?, ?)", row)
            costs.append(taken)
    assert costs[-1] <= 1.2 * costs[1]
