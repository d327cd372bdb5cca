"""Declarations: what a file may say, what it means, and what is refused with which words."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallies.core.declaration.declaration import (
    Declaration,
    read_declaration,
    same,
    spec_of,
    tally_of,
    what_differs,
)
from tallies.core.errors import InvalidTally
from tallies.core.tally import Average, Count, Sum, Tally
from tallies.core.windows import Window

ORDERS = """
table = "orders"

[[tally]]
name = "orders"
group_by = ["restaurant_id", "city"]
time = "ordered_at"
zone = "Europe/Berlin"
windows = ["all", "day"]
ranked = ["day"]
ranked_by = "revenue"
where = { status = ["paid", "sent"], rate = 1.5, gift = false }
retention_days = { day = 400 }
measures = { orders = "count", revenue = { sum = "total" }, average = { average = "total" } }
"""


def spec(**changes: Any) -> dict[str, Any]:
    of = {"name": "orders", "group_by": "r", "measures": {"orders": "count"}}
    return {key: value for key, value in (of | changes).items() if value is not None}


def test_a_file_says_all_that_a_tally_can_be() -> None:
    declared = read_declaration(ORDERS)

    assert declared.table == "orders"
    assert declared.tallies == (
        Tally(
            name="orders",
            group_by=("restaurant_id", "city"),
            time="ordered_at",
            zone="Europe/Berlin",
            windows=(Window.ALL, Window.DAY),
            ranked=(Window.DAY,),
            ranked_by="revenue",
            where={"status": ["paid", "sent"], "rate": Decimal("1.5"), "gift": False},
            retention={Window.DAY: timedelta(days=400)},
            measures={"orders": Count(), "revenue": Sum("total"), "average": Average("total")},
        ),
    )


def test_data_and_tally_are_each_other_s_inverse() -> None:
    (tally,) = read_declaration(ORDERS).tallies

    assert tally_of(spec_of(tally)) == tally
    assert same(tally_of(spec_of(tally)), tally)


def test_what_was_written_before_a_key_was_known_is_still_the_same() -> None:
    assert "nonnegative" not in spec_of(tally_of(spec()))
    declared = tally_of(spec(nonnegative=True))
    assert tally_of(spec_of(declared)) == declared


def test_what_stores_of_the_first_version_hold_is_still_read() -> None:
    stored = (
        '{"name": "orders", "group_by": ["restaurant_id", "city"], "measures": {"orders": "count",'
        ' "revenue": {"sum": "total"}, "average": {"average": "total"}}, "windows": ["all", "day"],'
        ' "time": "ordered_at", "where": {"status": ["paid", "sent"], "rate": 1.5, "gift": false},'
        ' "zone": "Europe/Berlin", "ranked": ["day"], "ranked_by": "revenue",'
        ' "retention_days": {"day": 400.0}, "in_place": true}'
    )
    (tally,) = read_declaration(ORDERS).tallies

    assert tally_of(json.loads(stored)) == tally
    assert same(tally_of(json.loads(stored)), tally)
    assert json.loads(json.dumps(spec_of(tally))) == json.loads(stored)


def test_true_and_one_are_two_declarations() -> None:
    one, true = (tally_of(spec(where={"gift": value})) for value in (1, True))
    assert not same(one, true)
    assert what_differs(one, true) == "where"


def test_what_is_left_out_has_the_defaults_of_the_library() -> None:
    (tally,) = read_declaration(
        '[[tally]]\nname = "n"\ngroup_by = "g"\nmeasures = { n = "count" }'
    ).tallies

    assert tally == Tally(name="n", group_by="g", measures={"n": Count()})


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"windows": ["all", "day"], "time": "at"}, "time, windows"),
        ({"measures": {"n": {"sum": "a"}}}, "measures, ranked_by"),
        ({"zone": "Asia/Tokyo"}, "zone"),
        ({"nonnegative": True}, "nonnegative"),
    ],
)
def test_a_difference_is_named(change: dict[str, Any], differs: str) -> None:
    one, other = tally_of(spec()), tally_of(spec(**change))

    assert not same(one, other)
    assert what_differs(one, other) == differs


def test_neither_a_name_nor_an_order_makes_other_rows() -> None:
    at: Any = {"time": "at"}
    one = tally_of(spec(windows=["all", "day"], **at))

    assert same(one, tally_of(spec(name="other", windows=["day", "all"], **at)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("table = ", "no TOML"),
        ("table = 3", "name of a table"),
        ("[[tally]]\nname='a'\nname='b'", "no TOML"),
        ("rows = 1", "unknown key 'rows'"),
        ("[tally]\nname='a'", "double brackets"),
        ("", "no tally"),
        ("[[tally]]\ngroup_by='g'", "needs a name"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidTally, match=sentence):
        read_declaration(text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"widnows": ["all"]}, "unknown key 'widnows'"),
        ({"windows": ["fortnight"]}, "'fortnight' is no window; use all, year"),
        ({"windows": [1]}, "windows is a text or a list"),
        ({"group_by": None}, "at least one attribute"),
        ({"measures": {"n": {"median": "a"}}}, "measure 'n' is"),
        ({"measures": {"n": {"sum": ""}}}, "measure 'n' is"),
        ({"measures": {"n": 3}}, "measure 'n' is 3"),
        ({"measures": []}, "measures is a table"),
        ({"measures": {}}, "measures nothing"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"zone": 1}, "zone is a text"),
        ({"in_place": "no"}, "in_place is true or false"),
        ({"nonnegative": 1}, "nonnegative is true or false"),
        ({"where": {"a": {"b": 1}}}, "'b' is no comparison"),
        ({"where": {"a": [[1]]}}, "where 'a': A value is compared with"),
        ({"where": 3}, "where is a table or a list of tables, not 3"),
        ({"where": [{"at_least": 3}]}, "needs one of attribute"),
        ({"where": [{"attribute": "a"}]}, "where 'a': It says nothing"),
        ({"where": [{"path": ["a"], "is": 1}, {"attribute": "a", "not": 2}]}, "twice"),
        ({"group_by": 3}, "group_by: 3 is no value"),
        ({"group_by": {"path": []}}, "path is a list of at least one name"),
        ({"group_by": {"path": "a"}}, "path is a list of at least one name, not 'a'"),
        ({"group_by": {"path": ["a", ""]}}, "no name"),
        ({"group_by": {"path": ["a"], "attribute": "a"}}, "one of attribute"),
        ({"group_by": {"each": True}}, "one of attribute"),
        ({"group_by": {"attribute": "a", "each": 1}}, "each is true or false"),
        ({"group_by": {"attribute": "a", "after": ""}}, "'a' is read after ''"),
        ({"group_by": {"path": ["a", "b"], "after": "x"}}, "both after and a path"),
        ({"group_by": {"attribute": "a", "after": "x", "each": True}}, "both after and each"),
        ({"group_by": {"attribute": "a", "as": "date"}}, "unknown key 'as'"),
        ({"time": {"attribute": "t", "as": "unix"}}, "'unix' is no form of a time; use rfc3339,"),
        ({"time": {"attribute": "t", "naive_zone": "Asia/Tokyo"}}, "naive_zone is for times"),
        ({"time": {"attribute": "t", "as": "sql", "naive_zone": "Mars"}}, "'Mars' is no time zone"),
        ({"time": {"attribute": "t", "each": True}}, "a time is one value"),
        ({"time": 5}, "time: 5 is no value"),
        ({"measures": {"n": {"sum": {"path": []}}}}, "measure 'n': path is a list"),
        ({"where": {"a": Decimal("0.12345678901234567890")}}, "too many digits"),
        ({"windows": ["all", "day"], "time": "t", "retention_days": {"day": -1}}, "number of days"),
        ({"windows": ["all", "day"], "time": "t", "retention_days": {"d": 1}}, "'d' is no window"),
        ({"windows": ["day"]}, "need the attribute that holds a row's time"),
        ({"name": "two words"}, "no name for a tally"),
        ({"ranked": ["all"], "ranked_by": "nothing"}, "none of its measures"),
    ],
)
def test_a_tally_that_makes_no_sense_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidTally, match=sentence):
        tally_of(spec(**changes))


def test_two_tallies_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidTally, match="Two tallies have the name 'orders'"):
        Declaration([tally_of(spec()), tally_of(spec(group_by="other"))])
