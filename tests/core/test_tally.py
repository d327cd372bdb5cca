"""A declaration that contradicts itself is refused with one sentence."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallies import Average, Count, Sum, Tally, Window
from tallies.core.errors import InvalidTally
from tallies.core.source.values import Value

GOOD: dict[str, Any] = {
    "name": "orders",
    "group_by": "shop",
    "measures": {"orders": Count()},
    "windows": [Window.ALL, Window.DAY],
    "time": "at",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"measures": {}}, "measures nothing"),
        ({"measures": {"group": Count()}}, "'group'"),
        ({"measures": {"a-b": Count()}}, "'a-b'"),
        ({"measures": {"rows": Sum("x")}}, "share one name"),
        ({"windows": ["fortnight"]}, "fortnight"),
        ({"windows": []}, "no windows"),
        ({"windows": [Window.DAY, "day"]}, "twice"),
        ({"time": ""}, "no name"),
        ({"group_by": ("shop", "")}, "no name"),
        ({"where": {"": 1}}, "no name"),
        ({"group_by": 5}, "no value"),
        ({"group_by": [Value("PK", after="A#"), "PK"]}, "one name"),
        ({"group_by": [Value("a", each=True), Value("b", each=True)]}, "one at most"),
        ({"where": {"status": b"paid"}}, "'status': A value is compared with b'paid'"),
        ({"where": {"status": ["paid", ["open"]]}}, "'status': .* neither text nor number"),
        ({"where": {"status": ["paid", None]}}, "for null use exists = false"),
        ({"where": {"status": float("nan")}}, "neither text nor number"),
        ({"where": {"status": {}}}, "'status': It says nothing; use one of is, not"),
        ({"where": {"status": []}}, "says nothing"),
        ({"where": {"status": {"above": 3}}}, "'above' is no comparison"),
        ({"where": {"status": {"at_least": True}}}, "at_least is a text or a number"),
        ({"where": {"status": {"begins_with": 3}}}, "begins_with is a text"),
        ({"where": {"status": {"exists": 1}}}, "exists is true or false"),
        ({"where": {Value("status"): 1, "status": 2}}, "twice"),
        ({"where": {Value("tags", each=True): 1}}, "each is for group_by"),
        ({"measures": {"total": Sum(Value("tags", each=True))}}, "each is for group_by"),
        ({"time": 5}, "no value"),
        ({"time": None}, "time"),
        ({"ranked": [Window.MONTH]}, "month"),
        ({"ranked_by": "revenue"}, "revenue"),
        ({"measures": {"m": Average("x")}, "ranked": [Window.DAY]}, "average"),
        ({"retention": {Window.ALL: timedelta(1)}}, "retention"),
        ({"retention": {Window.DAY: timedelta(-1)}}, "retention"),
        ({"zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"zone": "../etc/passwd"}, "zone"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], reason: str) -> None:
    Tally(**GOOD)
    with pytest.raises(InvalidTally, match=reason) as caught:
        Tally(**{**GOOD, **change})
    assert str(caught.value).count("\n") == 0


def test_leaderboards_order_by_the_first_measure_unless_told() -> None:
    measures = {"orders": Count(), "revenue": Sum("amount")}
    assert Tally(**{**GOOD, "measures": measures}).ranked_by == "orders"
    assert Tally(**{**GOOD, "measures": measures}, ranked_by="revenue").ranked_by == "revenue"


def test_a_sum_is_stored_once_for_sum_and_average() -> None:
    tally = Tally(**{**GOOD, "measures": {"mean": Average("x"), "total": Sum("x")}})
    assert (tally.components, tally.summed) == (("rows", "total"), (Value("x"),))


def test_the_average_comes_from_an_exact_sum() -> None:
    measures = {"orders": Count(), "revenue": Sum("amount"), "mean": Average("amount")}
    tally = Tally(**{**GOOD, "measures": measures})
    assert tally.components == ("orders", "revenue")
    assert tally.values((4, Decimal(10))) == {"orders": 4, "revenue": 10, "mean": Decimal("2.5")}
    assert tally.values((0, 0))["mean"] == 0


def test_where_takes_one_value_or_several() -> None:
    wanteds: list[Any] = ["paid", ["paid"], ("paid",), {"paid", "sent"}, iter(["paid"])]
    for wanted in wanteds:
        tally = Tally(**GOOD, where={"status": wanted})
        for _ in range(2):  # an iterator is not used up
            assert tally.admits({"status": "paid"})
            assert not tally.admits({"status": "void"})
            assert not tally.admits({"status": ["paid"]})
    assert Tally(**GOOD, where={"status": None}).admits({})
