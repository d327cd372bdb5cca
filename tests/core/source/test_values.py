"""Parts of keys, paths, elements, time formats, comparisons: the fold equals GROUP BY with them."""

import json
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies import Change, Count, Folder, Sum, Tally, Time, Value, Window, fold
from tallies.core.declaration.declaration import same, spec_of, tally_of
from tallies.core.errors import InvalidTally
from tallies.core.fold import Deltas, Folded
from tallies.core.groups import TOTAL, named_values
from tallies.core.source.conditions import Condition, condition_of
from tallies.core.source.values import MISSING
from tallies.stores.placing import UNCOUNTED, Part, Place, Placer
from tests.core import real_rows as make
from tests.core.model import added

ORDER = {"PK": "CUSTOMER#ann", "SK": "ORDER#1", "total": 5}


def folded(tally: Tally, *rows: dict[str, Any]) -> Folded:
    return fold([Folder(tally)], [Change(None, row) for row in rows])


def groups_of(value: Value, *rows: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found = folded(Tally(name="t", group_by=value, measures={"n": Count()}), *rows)
    counted = {group: n for (group, _), (n,) in found.deltas["t"].items()}
    return counted, [parked.reason for parked in found.parked]


@given(make.cases(), make.changes(), st.data())
def test_any_cut_of_batches_equals_group_by(
    case: make.Case, history: tuple[list[Change], list[make.Row]], data: st.DataObject
) -> None:
    changes, left = history
    cut = data.draw(st.integers(0, len(changes)))
    folder = Folder(case.tally)
    batches = [fold([folder], part) for part in (changes[cut:], changes[:cut])]
    assert [parked.reason for batch in batches for parked in batch.parked] == []
    expected = {key: amounts for key, amounts in case.expected(left).items() if any(amounts)}
    assert added(batch.deltas["t"] for batch in batches) == expected


@given(make.cases(), st.lists(make.rows(), max_size=4))
def test_the_scan_of_a_table_places_its_rows_where_the_fold_does(
    case: make.Case, rows: list[make.Row]
) -> None:
    placer = Placer(case.tally)
    placed: list[Deltas] = []
    for row in rows:
        if (text := placer.place(row)) is not None:
            amounts, windows, groups = Place.load(text)
            placed += ({key: amounts} for key in product(groups, windows))
    assert added(placed) == {key: some for key, some in case.expected(rows).items() if any(some)}


def test_the_scan_sets_apart_what_the_fold_parks() -> None:
    tally = Tally(
        name="t",
        group_by="g",
        measures={"total": Sum("amount")},
        windows=[Window.DAY],
        time="at",
        zone="Asia/Kathmandu",
        nonnegative=True,
    )
    good = {"g": "a", "amount": 1, "at": "2026-11-23T09:00:00Z"}
    bad = [good | change for change in ({"amount": -1}, {"at": "9999-12-31T23:30:00Z"}, {"g": ""})]
    assert len(folded(tally, good, *bad).parked) == len(bad)
    placer = Placer(tally)
    found = placer.find(good)
    assert found is not None
    assert UNCOUNTED not in found.windows
    parts: list[Part] = ["measures", "time", "group_by"]
    assert [placer.find(row) for row in bad] == [placer.uncounted(part) for part in parts]


@given(make.cases())
def test_declaration_and_data_are_each_other_s_inverse(case: make.Case) -> None:
    spec = json.loads(json.dumps(spec_of(case.tally)))
    assert tally_of(spec) == case.tally
    assert same(tally_of(spec), case.tally)
    assert json.loads(json.dumps(spec_of(tally_of(spec)))) == spec


@given(make.cases(), make.rows(), make.rows())
def test_what_makes_no_difference_contributes_the_same(
    case: make.Case, one: make.Row, other: make.Row
) -> None:
    if not Folder(case.tally).sees_difference(one, other):
        assert fold([Folder(case.tally)], [Change(one, other)]).deltas["t"] == {}


def test_rows_without_the_prefix_are_of_another_entity_whatever_else_they_lack() -> None:
    tally = Tally(
        name="t",
        group_by=Value("PK", after="CUSTOMER#"),
        measures={"total": Sum("total")},
        where={Value("SK", after="ORDER#"): {"exists": True}},
    )
    others: list[dict[str, Any]] = [
        {"PK": "CUSTOMER#ann", "SK": "PROFILE"},
        {"PK": "PRODUCT#1", "SK": "ORDER#1", "total": 5},
        {"PK": 5, "SK": "ORDER#1"},
        {"SK": "ORDER#1"},
        {},
    ]
    found = folded(tally, ORDER, *others)
    assert (found.deltas["t"], found.parked) == ({("ann", "all"): (1, 5)}, [])


def test_a_row_whose_key_is_the_bare_prefix_is_parked() -> None:
    bare = {"PK": "CUSTOMER#"}
    assert groups_of(Value("PK", after="CUSTOMER#"), bare)[1] == ["The group value is empty."]


def test_a_path_that_breaks_off_is_nothing() -> None:
    city = Value("address", ("city",))
    rows: list[dict[str, Any]] = [
        {"address": {"city": "Rome"}},
        {"address": '{"city": "Rome"}'},
        {"address": {}},
        {"address": "Rome, Italy"},
        {"address": '{"city": NaN}'},
        {"address": '"city"'},
        {"address": "[" * 100_000},
        {"address": ["city"]},
        {"address": None},
        {},
    ]
    counted, reasons = groups_of(city, *rows)
    assert counted == {"Rome": 2}
    assert set(reasons) == {"The row has no attribute 'address.city'."}
    assert len(reasons) == 8


def test_a_row_counts_once_in_each_of_its_groups() -> None:
    rows: list[dict[str, Any]] = [
        {"tags": ["a", "b", "a"]},
        {"tags": frozenset({"b"})},
        {"tags": '["a", 1, 1.0, true]'},
        {"tags": []},
        {"tags": None},
        {},
    ]
    counted, reasons = groups_of(Value("tags", each=True), *rows)
    assert counted == {"a": 2, "b": 2, "1": 1, "true": 1}
    assert reasons == []


@pytest.mark.parametrize("tags", ["a", "", 5, {"a": 1}, ["a", None], ["a", ["b"]], [""]])
def test_what_is_no_set_of_groups_is_parked_whole(tags: Any) -> None:
    counted, reasons = groups_of(Value("tags", each=True), {"tags": tags}, {"tags": ["a"]})
    assert counted == {"a": 1}
    assert len(reasons) == 1


def test_a_row_that_gains_and_loses_elements_moves_only_in_those() -> None:
    tally = Tally(name="t", group_by=Value("tags", each=True), measures={"n": Count()})
    change = Change({"tags": ["a", "b"]}, {"tags": ["b", "c", "c"]})
    assert fold([Folder(tally)], [change]).deltas["t"] == {("a", "all"): (-1,), ("c", "all"): (1,)}


def test_grouping_by_nothing_is_the_total() -> None:
    tally = Tally(name="t", group_by=[], measures={"n": Count()})
    assert folded(tally, {"a": 1}, {}, {"b": 2}).deltas["t"] == {(TOTAL, "all"): (3,)}
    assert named_values(tally.labels, TOTAL) == {}
    assert tally.attributes == ()


def test_epochs_that_are_equal_to_true_are_not_true() -> None:
    tally = Tally(
        name="t",
        group_by=[],
        measures={"n": Count()},
        windows=[Window.DAY],
        time=Time("at", "epoch-s"),
    )
    found = folded(tally, {"at": 1}, {"at": True}, {"at": Decimal("1.0")}, {"at": "1"})
    assert found.deltas["t"] == {(TOTAL, "1970-01-01"): (3,)}
    assert "True is no number since 1970" in found.parked[0].reason


@pytest.mark.parametrize(
    ("wanted", "holds", "holds_not"),
    [
        ({"not": "void"}, ["paid", 1, None, MISSING, ["void"]], ["void"]),
        ({"not": 1}, [True, "1", MISSING], [1, 1.0, Decimal("1.0")]),
        ({"exists": True}, ["", 0, False, []], [None, MISSING]),
        ({"exists": False}, [None, MISSING], ["", 0, False]),
        ({"at_least": 0.1}, [0.1, Decimal("0.1"), 1], [0.09, "1", True, None, MISSING]),
        ({"more_than": "b"}, ["ba", "c", "é"], ["b", "a", "B", 5, MISSING]),
        ({"less_than": 5}, [4, -1e300], [5, float("nan"), float("-inf"), Decimal("NaN"), False]),
        ({"begins_with": "a", "not": ["ab"]}, ["a", "ac"], ["ab", "b", MISSING]),
        (True, [True], [1, "true", False]),
        ([1, "a"], [1, 1.0, "a"], [True, "1", None]),
        (None, [None, MISSING], [0, ""]),
    ],
)
def test_conditions(wanted: Any, holds: list[Any], holds_not: list[Any]) -> None:
    condition = condition_of(wanted)
    assert [value for value in holds if not condition.holds(value)] == []
    assert [value for value in holds_not if condition.holds(value)] == []


def test_conditions_are_equal_when_they_hold_for_the_same_values() -> None:
    assert Condition(is_=["a", 1]) == Condition(is_=[1.0, "a"])
    assert len({Condition(is_=1), Condition(is_=Decimal(1)), Condition(is_=True)}) == 2
    assert Condition(at_least=1) != Condition(more_than=1)
    assert Condition(exists=True) != Condition(exists=False)
    assert Condition(is_="a") != "a"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: Sum(""), "no name for an attribute"),
        (lambda: Value("a", ("",)), "no name for an attribute"),
        (lambda: Value("a", after=""), "give the prefix"),
        (lambda: Value("a", ("b",), after="x"), "both after and a path"),
        (lambda: Time("t", "unix"), "'unix' is no form of a time; use rfc3339, epoch-s"),
        (lambda: Time("t", naive_zone="Asia/Tokyo"), "naive_zone is for times written as sql"),
        (lambda: Time(Value("t", each=True)), "a time is one value"),
    ],
)
def test_what_contradicts_itself_is_refused(made: Any, sentence: str) -> None:
    with pytest.raises(InvalidTally, match=sentence):
        made()
