"""What cannot be folded is set aside with a reason; all else folds; nothing is lost or doubled."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies import Change, Count, Folder, Sum, Tally, fold
from tallies.core.amounts import MAX_DECIMALS, MAX_WHOLE_DIGITS
from tallies.core.fold import Parked
from tallies.core.groups import MAX_GROUP_BYTES
from tests.core import histories as make
from tests.core.histories import Row
from tests.core.model import added, admitted, group_by, is_spoiled
from tests.core.test_fold import FAVORITES, SUMMED, favorite


def images(parked: Sequence[Parked]) -> tuple[list[Any], list[Any]]:
    """The old and the new images that were set aside."""
    return (
        [p.change.old for p in parked if p.change.old is not None],
        [p.change.new for p in parked if p.change.new is not None],
    )


@given(make.tallies, make.mixed_histories, st.data())
def test_in_any_cut_what_folds_equals_group_by_and_what_does_not_is_parked(
    tally: Tally, history: make.History, data: st.DataObject
) -> None:
    folder = Folder(tally)
    folded = [fold([folder], batch) for batch in data.draw(make.batches(history))]
    assert added(f.deltas["orders"] for f in folded) == group_by(tally, history.final)
    # The parked images come to the rows that are left and no good: nothing is lost.
    old, new = images([parked for f in folded for parked in f.parked])
    assert all(is_spoiled(tally, row) and admitted(tally, row) for row in old + new)
    left = [row for row in history.final if admitted(tally, row) and is_spoiled(tally, row)]
    assert len(new) - len(old) == len(left)


@given(make.tallies, st.lists(st.one_of(make.rows, make.spoiled_rows()), max_size=8))
def test_a_rewrite_that_changes_nothing_is_never_parked(tally: Tally, rows: list[Row]) -> None:
    folded = fold([Folder(tally)], [Change(row, {**row, "note": "new"}) for row in rows])
    assert folded.deltas["orders"] == {}
    old, new = images(folded.parked)
    assert old == new == []


@pytest.mark.parametrize("nan", [float("nan"), Decimal("NaN")])
def test_what_is_no_number_before_and_after_is_no_change(nan: Any) -> None:
    tally = Tally(name="tips", group_by=("city",), measures={"tips": Sum("tip")})
    old, new = ({"city": "Rome", "tip": type(nan)("nan"), "note": note} for note in "ab")
    assert fold([Folder(tally)], [Change(old, new)]).parked == []


POISON = [
    ({"user_id": "ann", "created_at": "2026-11-23T12:00:00Z"}, "restaurant_id"),
    ({"restaurant_id": "a", "user_id": "ann"}, "created_at"),
    ({**favorite("a"), "restaurant_id": ""}, "empty"),
    ({**favorite("a"), "restaurant_id": None}, "None is neither text nor number"),
    ({**favorite("a"), "restaurant_id": ["a"]}, "neither text nor number"),
    ({**favorite("a"), "restaurant_id": {"S": "a"}}, "neither text nor number"),
    ({**favorite("a"), "restaurant_id": b"a"}, "neither text nor number"),
    ({**favorite("a"), "restaurant_id": Decimal("NaN")}, "endless"),
    ({**favorite("a"), "restaurant_id": Decimal("1E+999999999")}, "too long"),
    (favorite("a" * (MAX_GROUP_BYTES + 1)), "bytes"),
    (favorite("🍜" * (MAX_GROUP_BYTES // 4 + 1)), "bytes"),
    (favorite("\x00position"), r"U+0000"),
    (favorite("\ud800"), r"U+D800"),
    ({**favorite("a"), "created_at": 1_700_000_000}, "1700000000"),
    ({**favorite("a"), "created_at": None}, "None"),
    (favorite("a", "yesterday"), "yesterday"),
    (favorite("a", "2026-11-23"), "2026-11-23"),
    (favorite("a", "2026-11-23T14Z"), "2026-11-23T14Z"),
    (favorite("a", "2026-11-23T12:00:00"), "zone"),
    (favorite("a", "2026-02-30T12:00:00Z"), "2026-02-30"),
    (favorite("a", "x" * 300_000), "no timestamp"),
]


@pytest.mark.parametrize(("row", "reason"), POISON)
@pytest.mark.parametrize("shape", ["insert", "remove", "rewrite from", "rewrite to"])
def test_a_record_that_cannot_be_folded_is_parked_and_the_rest_goes_on(
    row: Row, reason: str, shape: str
) -> None:
    sound = favorite("c")
    change, left, delta = {
        "insert": (Change(None, row, "2"), Change(None, row, "2"), None),
        "remove": (Change(row, None, "2"), Change(row, None, "2"), None),
        "rewrite from": (Change(row, sound, "2"), Change(row, None, "2"), (1,)),
        "rewrite to": (Change(sound, row, "2"), Change(None, row, "2"), (-1,)),
    }[shape]
    good = Change(None, favorite("b"), "1"), Change(None, favorite("b"), "3")
    folded = fold([Folder(FAVORITES)], [good[0], change, good[1]])
    (parked,) = folded.parked
    (parked,) = folded.parked
    assert (parked.change, parked.tally) == (left, "favorites")
    assert reason in parked.reason
    assert len(parked.reason) < 250
    assert "\n" not in parked.reason
    parked.reason.encode()
    assert folded.deltas["favorites"]["b", "all"] == (2,)
    assert folded.deltas["favorites"].get(("c", "all")) == delta


@pytest.mark.parametrize(
    "amount",
    [
        0.1 + 0.2,
        2e20,
        float("nan"),
        float("inf"),
        True,
        None,
        "12,50",
        "1e3",
        " 12",
        "1_000",
        "٣",
        "",
        "1234567.12345678901",
        "9" * 21,
        [2],
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        10**MAX_WHOLE_DIGITS,
        -(10**MAX_WHOLE_DIGITS),
        pytest.param(10**5000, id="10**5000"),
        Decimal(10) ** MAX_WHOLE_DIGITS,
        Decimal(1).scaleb(-MAX_DECIMALS - 1),
        Decimal("1E+999999"),
    ],
)
def test_amounts_that_cannot_be_exact_are_parked(amount: Any) -> None:
    """Beside one that is equal to it, too: True and 1.0 are equal to 1, and yet no amounts."""
    rows: list[Row] = [{"g": "g", "amount": value} for value in (1, 2, amount)]
    for order in (rows, rows[::-1]):
        folded = fold([Folder(SUMMED)], [Change(None, row) for row in order])
        (parked,) = folded.parked
        assert parked.change.new is rows[2]
        assert folded.deltas["t"] == {("g", "all"): (2, 3)}


def test_one_tally_parks_what_another_folds() -> None:
    by_amount = Tally(name="by_amount", group_by="g", measures={"sum": Sum("amount")})
    by_count = Tally(name="by_count", group_by="g", measures={"n": Count()})
    folded = fold([Folder(by_amount), Folder(by_count)], [Change(None, {"g": "g"}, "1")])
    assert [parked.tally for parked in folded.parked] == ["by_amount"]
    assert folded.deltas == {"by_amount": {}, "by_count": {("g", "all"): (1,)}}


def test_a_reason_can_be_written_as_json() -> None:
    folded = fold([Folder(FAVORITES)], [Change(None, favorite("\ud800", "\ud800"))])
    json.dumps([parked.reason for parked in folded.parked], ensure_ascii=False).encode()


def test_whether_an_image_is_set_aside_does_not_hang_on_what_cancels_it_in_its_batch() -> None:
    tally = Tally(name="t", group_by="city", measures={"total": Sum("amount")})
    image = {"city": "a", "amount": 10**30}
    arrival, departure = Change(None, image, "1"), Change(image, None, "2")

    together = fold([Folder(tally)], [arrival, departure]).parked
    apart = [fold([Folder(tally)], [change]).parked[0] for change in (arrival, departure)]

    assert list(together) == apart


@pytest.mark.parametrize("amount", [-1, Decimal("-0.01"), Decimal("NaN")])
def test_an_amount_below_zero_is_parked_where_none_was_declared(amount: Any) -> None:
    tally = replace(SUMMED, nonnegative=True)
    good, bad = ({"g": "g", "amount": value} for value in (0, amount))
    folded = fold([Folder(tally)], [Change(None, good, "1"), Change(None, bad, "2")])
    assert [parked.change.new for parked in folded.parked] == [bad]
    assert set(folded.deltas[tally.name].values()) == {(1, 0)}
    # Taken away again it is as unfoldable: nothing is subtracted that was never added.
    gone = fold([Folder(tally)], [Change(bad, None, "3")])
    assert gone.deltas[tally.name] == {}
    assert len(gone.parked) == 1
