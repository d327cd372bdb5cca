"""What a program asks of `tallies.open`, and what it hears of a wrong argument."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import tallies
from tallies import Count, Declaration, InvalidInput, Sum, Tally, Window
from tallies.core.declaration.declaration import spec_of
from tallies.library.store import Place, TalliesOfTable, TallyReader

DAYS = timedelta(days=9)
NOW = datetime(2082, 11, 24, 12, tzinfo=UTC)
SHOPS = Tally(
    name="shops",
    group_by="shop",
    measures={"orders": Count(), "revenue": Sum("amount")},
    windows=(Window.ALL, Window.DAY),
    time="at",
    ranked=(Window.ALL, Window.DAY),
)
STREETS = Tally(name="streets", group_by=("city", "shop"), measures={"orders": Count()})
TOTAL = Tally(name="everything", group_by=(), measures={"orders": Count()})


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TalliesOfTable]:
    path = tmp_path_factory.mktemp("library") / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (city TEXT, shop TEXT, amount INTEGER, at TEXT)")
        connection.executemany(
            "INSERT INTO orders VALUES ('Rome', ?, ?, ?)",
            [
                ("noodles", 5, "2082-11-23T09:00:00Z"),
                ("noodles", 7, "2082-11-24T09:00:00Z"),
                ("sushi", 20, "2082-11-23T09:00:00Z"),
            ],
        )
    declared = Declaration([SHOPS, STREETS, TOTAL], "orders")
    with tallies.open(f"sqlite:///{path}", declared, clock=lambda: NOW) as shop:
        assert shop.init()
        yield shop


@pytest.fixture
def shops(opened: TalliesOfTable) -> TallyReader:
    return opened["shops"]


def measures(orders: int, revenue: int) -> dict[str, int]:
    return {"orders": orders, "revenue": revenue}


def test_measures_of_groups(opened: TalliesOfTable, shops: TallyReader) -> None:
    assert shops.measures("noodles") == measures(2, 12)
    assert shops.measures("noodles", window="day") == measures(1, 7)
    assert shops.measures("nobody", window="2082-11-23") == measures(0, 0)
    asked = [("sushi",), ("nobody",), ("noodles",), ("sushi",)]
    found = [measures(1, 20), measures(0, 0), measures(2, 12), measures(1, 20)]
    assert shops.of_groups(asked) == found
    assert shops.of_groups([name for (name,) in asked]) == found
    assert shops.of_groups([]) == []
    assert opened["streets"].of_groups([("Rome", "sushi"), ("Oslo", "sushi")]) == [
        {"orders": 1},
        {"orders": 0},
    ]
    assert opened["everything"].measures() == {"orders": 3}


def test_history(shops: TallyReader) -> None:
    both = [("2082-11-23", measures(1, 5)), ("2082-11-24", measures(1, 7))]
    assert shops.history("noodles", by="day", first="2082-11-23", last="2082-11-24") == both
    assert shops.history("noodles", by="day") == both
    assert shops.history("noodles", by="day", last="2082-11-23") == both[:1]
    assert shops.history("noodles", by="day", first="2000-01-01") == both  # 30,000 days


def test_places(shops: TallyReader) -> None:
    first, second = Place(1, {"shop": "noodles"}, 2), Place(2, {"shop": "sushi"}, 1)
    assert shops.top() == [first, second]
    assert shops.top(limit=1) == [first]
    assert shops.top(limit=0) == []
    assert shops.top(offset=1) == [second]
    assert shops.top("last-7-days") == [first, second]
    assert shops.rank("sushi") == second
    assert shops.rank("nobody") is None
    assert shops.among(["sushi", "nobody"]) == [Place(1, {"shop": "sushi"}, 1)]


Asked = Callable[[TallyReader], Any]


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda shops: shops.windows(), "Give 1 value: shop."),
        (lambda shops: shops.measures("a", "b"), "Give 1 value: shop."),
        (lambda shops: shops.measures(""), "The shop is empty; give one."),
        (lambda shops: shops.measures("a\n"), "The shop holds the control character U+000A"),
        (lambda shops: shops.rank(None), "The group value None is neither text nor number."),
        (lambda shops: shops.of_groups([("a",), ()]), "Give 1 value: shop."),
        (lambda shops: shops.measures("a", window="x"), "'x' names no window"),
        (lambda shops: shops.measures("a", window="month"), "keeps no windows by month"),
        (lambda shops: shops.history("a", by="x"), "keeps no windows by x; it keeps day."),
        (lambda shops: shops.history("a", by="all"), "keeps no windows by all; it keeps day."),
        (lambda shops: shops.history("a", by="day", first="2082"), "'2082' is no day"),
        (
            lambda shops: shops.history("a", by="day", first="2082-11-24", last="2082-11-23"),
            "from 2082-11-24 comes after to 2082-11-23; swap them.",
        ),
        (lambda shops: shops.top("month"), "There is no leaderboard by month"),
        (lambda shops: shops.top(limit=-1), "limit=-1, offset=0: neither may be below zero."),
        (lambda shops: shops.top(offset=-1), "limit=10, offset=-1: neither may be below zero."),
        (lambda shops: shops.among(["a", "a"]), "The group 'a' is there twice"),
    ],
)
def test_wrong_arguments(shops: TallyReader, ask: Asked, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(shops)
    assert sentence in str(refused.value)


def test_no_tally_of_that_name(opened: TalliesOfTable) -> None:
    with pytest.raises(tallies.TalliesError) as refused:
        opened["nope"]
    assert str(refused.value) == "There is no tally 'nope'; there is shops, streets, everything."


def test_a_measure_that_is_none() -> None:
    with pytest.raises(InvalidInput) as refused:
        Tally(name="t", group_by="g", measures={"n": "count"})  # type: ignore[dict-item] # as one may
    assert str(refused.value) == "Tally 't': n is 'count'; give it a Count, Sum or Average."


def test_windows_may_be_given_by_their_names() -> None:
    named: Any = {"windows": ["all", "day"], "ranked": ["day"], "retention": {"day": DAYS}}
    one = Tally(name="t", group_by="g", measures={"n": Count()}, time="at", **named)
    other = Tally(
        name="t",
        group_by="g",
        measures={"n": Count()},
        time="at",
        retention={Window.DAY: DAYS},
        windows=(Window.ALL, Window.DAY),
        ranked=(Window.DAY,),
    )
    assert spec_of(one) == spec_of(other)
