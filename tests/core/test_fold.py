"""The fold equals GROUP BY over the rows that are left, whatever happened on the way."""

import itertools
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies import Average, Change, Count, Folder, Sum, Tally, Window, fold
from tallies.core.fold import MAX_DECIMALS, MAX_GROUP_BYTES, MAX_WHOLE_DIGITS, Deltas
from tests.core import histories as make

FAVORITES = Tally(
    name="favorites",
    group_by="restaurant_id",
    measures={"favorites": Count()},
    windows=[Window.ALL, Window.MONTH, Window.DAY],
    time="created_at",
)


def favorite(restaurant: Any, time: Any = "2026-11-23T12:00:00Z") -> dict[str, Any]:
    return {"restaurant_id": restaurant, "user_id": "ann", "created_at": time}


# The model: plain and slow, with nothing of the product's own code for groups, times or sums.

_FORMATS = {
    Window.ALL: "all",
    Window.YEAR: "{:%Y}",
    Window.MONTH: "{:%Y-%m}",
    Window.WEEK: "{:%G-W%V}",
    Window.DAY: "{:%Y-%m-%d}",
    Window.HOUR: "{:%Y-%m-%dT%H}",
}


def model_group(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def group_by(
    tally: Tally, rows: list[dict[str, Any]]
) -> dict[tuple[str, str], tuple[Fraction, ...]]:
    found: dict[tuple[str, str], list[Fraction]] = defaultdict(
        lambda: [Fraction(0)] * len(tally.components)
    )
    for row in rows:
        wanted = tally.where.get("status")
        if wanted is not None and row["status"] not in (
            wanted if isinstance(wanted, tuple) else (wanted,)
        ):
            continue
        parts = [model_group(row[name]) for name in tally.group_by]
        if len(parts) > 1:
            parts = [part.replace("%", "%25").replace("#", "%23") for part in parts]
        local = datetime.fromisoformat(row["at"]).astimezone(ZoneInfo(tally.zone))
        for window in tally.windows:
            key = ("#".join(parts), _FORMATS[window].format(local))
            found[key][0] += 1
            for index, name in enumerate(tally.summed, 1):
                found[key][index] += Fraction(row[name])
    return {key: tuple(amounts) for key, amounts in found.items()}


def added(batches: list[Deltas], size: int) -> dict[tuple[str, str], tuple[Fraction, ...]]:
    total: dict[tuple[str, str], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * size)
    for deltas in batches:
        for key, amounts in deltas.items():
            for index, amount in enumerate(amounts):
                total[key][index] += Fraction(amount)
    return {key: tuple(amounts) for key, amounts in total.items() if any(amounts)}


@given(make.tallies, make.histories(), st.data())
def test_any_cut_and_order_of_batches_equals_group_by(
    tally: Tally, history: make.History, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(history.changes)), max_size=4)))
    edges = [0, *cuts, len(history.changes)]
    batches = [history.changes[a:b] for a, b in itertools.pairwise(edges)]
    batches = data.draw(st.permutations(batches))
    folder = Folder(tally)
    folded = [fold([folder], batch) for batch in batches]
    assert not any(f.parked for f in folded)
    assert added([f.deltas["orders"] for f in folded], len(tally.components)) == group_by(
        tally, history.final
    )


@given(make.tallies, make.histories())
def test_deltas_are_the_smallest_set(tally: Tally, history: make.History) -> None:
    deltas = fold([Folder(tally)], history.changes).deltas["orders"]
    assert all(any(amounts) for amounts in deltas.values())
    assert set(deltas) == set(group_by(tally, history.final))


@given(make.tallies, st.lists(make.rows, max_size=8))
def test_rewrites_that_change_nothing_give_no_delta(
    tally: Tally, rows: list[dict[str, Any]]
) -> None:
    assert fold([Folder(tally)], [Change(row, dict(row)) for row in rows]).deltas["orders"] == {}


@given(st.lists(make.time_texts(), min_size=1, max_size=5), st.sampled_from(make.ZONES))
def test_a_column_of_times_is_cut_like_each_of_them(times: list[str], zone: str) -> None:
    tally = Tally(
        name="t", group_by="g", measures={"n": Count()}, windows=list(Window), time="at", zone=zone
    )
    together = Folder(tally)
    alone = Folder(tally)
    rows = [{"g": "g", "at": time} for time in times]
    once = added([fold([together], [Change(None, row) for row in rows]).deltas["t"]], 1)
    each = added([fold([alone], [Change(None, row)]).deltas["t"] for row in rows], 1)
    assert once == each


def test_a_row_that_moves_leaves_one_group_and_enters_another() -> None:
    before, after = favorite("noodles"), favorite("pizza", "2026-12-01T00:00:00Z")
    assert fold([Folder(FAVORITES)], [Change(before, after)]).deltas["favorites"] == {
        ("noodles", "all"): (-1,),
        ("noodles", "2026-11"): (-1,),
        ("noodles", "2026-11-23"): (-1,),
        ("pizza", "all"): (1,),
        ("pizza", "2026-12"): (1,),
        ("pizza", "2026-12-01"): (1,),
    }


def test_unmarking_leaves_the_month_in_which_the_favorite_was_made() -> None:
    deltas = fold([Folder(FAVORITES)], [Change(favorite("a", "2025-01-31T23:59:59Z"), None)])
    assert deltas.deltas["favorites"]["a", "2025-01"] == (-1,)


POISON = [
    ({"user_id": "ann", "created_at": "2026-11-23T12:00:00Z"}, "restaurant_id"),
    ({"restaurant_id": "a", "user_id": "ann"}, "created_at"),
    (favorite(""), "group"),
    (favorite(None), "group"),
    (favorite(["a"]), "neither text nor number"),
    (favorite({"S": "a"}), "neither text nor number"),
    (favorite("a" * (MAX_GROUP_BYTES + 1)), "bytes"),
    (favorite("a", 1_700_000_000), "1700000000"),
    (favorite("a", None), "None"),
    (favorite("a", "yesterday"), "yesterday"),
    (favorite("a", "2026-11-23"), "2026-11-23"),
    (favorite("a", "2026-11-23T12:00:00"), "zone"),
    (favorite("a", "2026-02-30T12:00:00Z"), "2026-02-30"),
]


@pytest.mark.parametrize(("row", "reason"), POISON)
@pytest.mark.parametrize("shape", ["insert", "remove", "rewrite"])
def test_a_record_that_cannot_be_folded_is_parked_and_the_rest_goes_on(
    row: dict[str, Any], reason: str, shape: str
) -> None:
    bad = {
        "insert": Change(None, row, "2"),
        "remove": Change(row, None, "2"),
        "rewrite": Change(row, dict(row), "2"),
    }[shape]
    good = Change(None, favorite("b"), "1"), Change(None, favorite("b"), "3")
    folded = fold([Folder(FAVORITES)], [good[0], bad, good[1]])
    if shape == "rewrite":  # nothing changes, so nothing need be understood, alone or in a batch
        assert all(parked.change is bad for parked in folded.parked)
    else:
        (parked,) = folded.parked
        assert parked.change is bad
        assert parked.tally == "favorites"
        assert reason in parked.reason
        json.dumps(parked.reason)
    assert folded.deltas["favorites"]["b", "all"] == (2,)


@pytest.mark.parametrize(
    "amount",
    [
        1.5,
        True,
        None,
        "12",
        Decimal("NaN"),
        Decimal("Infinity"),
        10**MAX_WHOLE_DIGITS,
        Decimal(1).scaleb(-MAX_DECIMALS - 1),
        Decimal("1E+999999"),
    ],
)
def test_amounts_that_cannot_be_exact_are_parked(amount: Any) -> None:
    tally = Tally(name="t", group_by="g", measures={"sum": Sum("amount")})
    rows = [{"g": "g", "amount": amount}, {"g": "g", "amount": 2}]
    folded = fold([Folder(tally)], [Change(None, row) for row in rows])
    assert len(folded.parked) == 1
    assert folded.deltas["t"] == {("g", "all"): (1, 2)}


def test_sums_are_exact_where_floats_drift() -> None:
    """field.md, case 17."""
    tally = Tally(name="t", group_by="g", measures={"sum": Sum("amount")})
    rows = [{"g": "g", "amount": Decimal("0.1")}] * 10 + [{"g": "g", "amount": 10**19}]
    deltas = fold([Folder(tally)], [Change(None, row) for row in rows]).deltas["t"]
    assert deltas["g", "all"] == (11, 10**19 + 1)


def test_one_tally_parks_what_another_folds() -> None:
    by_amount = Tally(name="by_amount", group_by="g", measures={"sum": Sum("amount")})
    by_count = Tally(name="by_count", group_by="g", measures={"n": Count()})
    folded = fold([Folder(by_amount), Folder(by_count)], [Change(None, {"g": "g"}, "1")])
    assert [parked.tally for parked in folded.parked] == ["by_amount"]
    assert folded.deltas == {"by_amount": {}, "by_count": {("g", "all"): (1,)}}


def test_windows_whose_retention_is_over_get_no_delta() -> None:
    """field.md, case 4: a late REMOVE must not resurrect an expired row below zero."""
    tally = Tally(
        name="t",
        group_by="g",
        measures={"n": Count()},
        windows=[Window.ALL, Window.DAY],
        time="at",
        retention={Window.DAY: timedelta(days=30)},
    )
    removal = [Change({"g": "g", "at": "2026-11-01T12:00:00Z"}, None)]
    end = datetime(2026, 12, 2, tzinfo=UTC)  # 30 days after the end of the day
    folder = Folder(tally)
    assert folder.expiry("2026-11-01") == end
    kept = fold([folder], removal, now=end - timedelta(seconds=1)).deltas["t"]
    late = fold([folder], removal, now=end).deltas["t"]
    assert set(kept) == {("g", "all"), ("g", "2026-11-01")}
    assert set(late) == {("g", "all")}


def test_numbers_that_are_equal_are_one_group() -> None:
    tally = Tally(name="t", group_by="g", measures={"n": Count()})
    rows: list[dict[str, Any]] = [{"g": 7}, {"g": Decimal("7.00")}, {"g": Decimal("7E0")}]
    assert fold([Folder(tally)], [Change(None, row) for row in rows]).deltas["t"] == {
        ("7", "all"): (3,)
    }


def test_the_average_comes_from_an_exact_sum() -> None:
    tally = Tally(
        name="t",
        group_by="g",
        measures={"orders": Count(), "revenue": Sum("amount"), "mean": Average("amount")},
    )
    assert tally.components == ("orders", "revenue")
    assert tally.values((4, Decimal("10"))) == {"orders": 4, "revenue": 10, "mean": Decimal("2.5")}
    assert tally.values((0, 0))["mean"] == 0
