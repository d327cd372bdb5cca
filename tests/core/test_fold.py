"""The fold equals GROUP BY over the rows that are left, whatever happened on the way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies import Change, Count, Folder, Sum, Tally, Window, fold
from tallies.core.amounts import negated, plus
from tallies.core.fold import Deltas
from tests.core import histories as make
from tests.core.model import added, group_by

FAVORITES = Tally(
    name="favorites",
    group_by="restaurant_id",
    measures={"favorites": Count()},
    windows=[Window.ALL, Window.MONTH, Window.DAY],
    time="created_at",
)
PLAIN = Tally(name="t", group_by="g", measures={"n": Count()})
SUMMED = Tally(name="t", group_by="g", measures={"sum": Sum("amount")})


def favorite(restaurant: str, time: str = "2026-11-23T12:00:00Z") -> dict[str, Any]:
    return {"restaurant_id": restaurant, "user_id": "ann", "created_at": time}


def deltas_of(tally: Tally, *changes: Change, now: datetime | None = None) -> Deltas:
    folded = fold([Folder(tally)], changes, now)
    assert not folded.parked
    return folded.deltas[tally.name]


def inserted(tally: Tally, *rows: dict[str, Any]) -> Deltas:
    return deltas_of(tally, *(Change(None, row) for row in rows))


@given(make.tallies, make.histories(), st.data())
def test_any_cut_and_order_of_batches_equals_group_by(
    tally: Tally, history: make.History, data: st.DataObject
) -> None:
    folder = Folder(tally)
    folded = [fold([folder], batch) for batch in data.draw(make.batches(history))]
    assert not any(f.parked for f in folded)
    assert added(f.deltas["orders"] for f in folded) == group_by(tally, history.final)


@given(make.tallies, make.histories(), st.data())
def test_deltas_are_the_smallest_set(
    tally: Tally, history: make.History, data: st.DataObject
) -> None:
    folder = Folder(tally)
    for batch in data.draw(make.batches(history)):
        deltas = fold([folder], batch).deltas["orders"]
        assert all(any(amounts) for amounts in deltas.values())
        gone = group_by(tally, [change.old for change in batch if change.old is not None])  # type: ignore[misc]  # images of ours are dicts
        come = group_by(tally, [change.new for change in batch if change.new is not None])  # type: ignore[misc]  # as above
        assert set(deltas) == {
            key for key in gone.keys() | come.keys() if gone.get(key) != come.get(key)
        }


@given(make.tallies, st.lists(make.rows, max_size=8), st.data())
def test_rewrites_that_change_nothing_give_no_delta(
    tally: Tally, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    """The same moment in other words, and attributes that no tally reads, are nothing too."""
    changes = []
    for row in rows:
        moment = st.just(datetime.fromisoformat(row["at"].upper()).astimezone(UTC))
        same = {**row, "at": data.draw(make.time_texts(moment)), "note": "new"}
        changes.append(Change(row, same))
    assert deltas_of(tally, *changes) == {}


def test_a_row_that_moves_leaves_one_group_and_window_and_enters_another() -> None:
    before, after = favorite("noodles"), favorite("pizza", "2026-12-01T00:00:00Z")
    assert deltas_of(FAVORITES, Change(before, after)) == {
        ("noodles", "all"): (-1,),
        ("noodles", "2026-11"): (-1,),
        ("noodles", "2026-11-23"): (-1,),
        ("pizza", "all"): (1,),
        ("pizza", "2026-12"): (1,),
        ("pizza", "2026-12-01"): (1,),
    }


def test_a_row_that_moves_within_a_month_leaves_only_its_day() -> None:
    before, after = favorite("noodles"), favorite("noodles", "2026-11-24T00:00:00Z")
    assert deltas_of(FAVORITES, Change(before, after)) == {
        ("noodles", "2026-11-23"): (-1,),
        ("noodles", "2026-11-24"): (1,),
    }


def test_unmarking_leaves_the_month_in_which_the_favorite_was_made() -> None:
    deltas = deltas_of(FAVORITES, Change(favorite("a", "2025-01-31T23:59:59Z"), None))
    assert deltas == {("a", "all"): (-1,), ("a", "2025-01"): (-1,), ("a", "2025-01-31"): (-1,)}


def test_a_row_enters_and_leaves_by_its_where() -> None:
    tally = Tally(name="t", group_by="g", measures={"n": Count()}, where={"s": {"paid", "sent"}})
    open_, paid, sent = ({"g": "a", "s": s} for s in ("open", "paid", "sent"))
    odd: dict[str, Any] = {"g": "a", "s": ["paid"]}
    assert deltas_of(tally, Change(open_, paid)) == {("a", "all"): (1,)}
    assert deltas_of(tally, Change(paid, sent)) == {}
    assert deltas_of(tally, Change(sent, odd)) == {("a", "all"): (-1,)}
    assert inserted(tally, {"g": "a"}) == {}


def test_sums_are_exact_where_floats_drift() -> None:
    """field.md, case 17."""
    rows = [{"g": "g", "amount": Decimal("0.1")}] * 10 + [{"g": "g", "amount": 10**19}]
    assert inserted(SUMMED, *rows) == {("g", "all"): (11, 10**19 + 1)}


def test_the_largest_and_the_smallest_amount_make_one_exact_sum() -> None:
    largest, smallest = Decimal("99999999999999999999.999999999"), Decimal("0.000000001")
    rows = [{"g": "g", "amount": amount} for amount in [largest] * 1000 + [smallest]]
    assert inserted(SUMMED, *rows) == {
        ("g", "all"): (1001, Decimal("99999999999999999999999.999999001"))
    }


def test_a_zero_of_any_exponent_is_plain_zero() -> None:
    rows = [{"g": "g", "amount": Decimal(text)} for text in ("0E+99999", "0E-99999", "-0")]
    ((_, total),) = inserted(SUMMED, *rows).values()
    assert str(total) == "0"


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
    removal = Change({"g": "g", "at": "2026-11-01T12:00:00Z"}, None)
    end = datetime(2026, 12, 2, tzinfo=UTC)  # 30 days after the end of the day
    assert Folder(tally).expiry("2026-11-01") == end
    assert Folder(tally).expiry("all") is None
    kept = deltas_of(tally, removal, now=end - timedelta(seconds=1))
    late = deltas_of(tally, removal, now=end)
    assert kept == {("g", "all"): (-1,), ("g", "2026-11-01"): (-1,)}
    assert late == {("g", "all"): (-1,)}


def test_a_window_kept_past_the_end_of_the_calendar_is_kept_for_ever() -> None:
    tally = Tally(
        name="t",
        group_by="g",
        measures={"n": Count()},
        windows=[Window.DAY],
        time="at",
        retention={Window.DAY: timedelta(days=30)},
    )
    last = Change(None, {"g": "g", "at": "9999-12-20T00:00:00Z"})
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert deltas_of(tally, last, now=now) == {("g", "9999-12-20"): (1,)}
    assert Folder(tally).expiry("9999-12-31") is None


def test_a_tally_without_time_needs_none() -> None:
    assert inserted(PLAIN, {"g": "a"}, {"g": "a", "at": "soon"}) == {("a", "all"): (2,)}


def test_numbers_that_are_equal_are_one_group() -> None:
    values: list[Any] = [7, Decimal("7.00"), Decimal("7E0"), 7.0]
    assert inserted(PLAIN, *({"g": value} for value in values)) == {("7", "all"): (4,)}
    for zero in (0, Decimal("-0"), Decimal("0E+9"), -0.0):
        assert inserted(PLAIN, {"g": zero}) == {("0", "all"): (1,)}


def test_true_and_false_are_groups_of_their_own_beside_the_numbers() -> None:
    rows: list[dict[str, Any]] = [{"g": value} for value in (1, True, 1.0, False, 0, True)]
    for order in (rows, rows[::-1]):
        assert inserted(PLAIN, *order) == {
            ("1", "all"): (2,),
            ("0", "all"): (1,),
            ("true", "all"): (2,),
            ("false", "all"): (1,),
        }
    by_two = Tally(name="t", group_by=("g", "g2"), measures={"n": Count()})
    assert deltas_of(by_two, Change({"g": 1, "g2": "a"}, {"g": True, "g2": "a"})) == {
        ("1#a", "all"): (-1,),
        ("true#a", "all"): (1,),
    }
    folder = Folder(PLAIN)
    assert folder.sees_difference({"g": 1}, {"g": True})
    assert not folder.sees_difference({"g": 1}, {"g": Decimal("1.0")})


def test_a_float_is_the_shortest_decimal_that_reads_back_as_it() -> None:
    assert inserted(PLAIN, {"g": 0.1}, {"g": Decimal("0.1")}, {"g": 1e23}, {"g": 10**23}) == {
        ("0.1", "all"): (2,),
        (str(10**23), "all"): (2,),
    }
    amounts: list[Any] = [0.1, "0.2", Decimal("0.3"), 12.5, "-7", "+.5", "3."]
    rows = [{"g": "g", "amount": amount} for amount in amounts]
    assert inserted(SUMMED, *rows) == {("g", "all"): (7, Decimal("9.6"))}


def test_numbers_that_differ_in_the_last_of_38_digits_are_two_groups() -> None:
    one, other = 10**37 + 1, 10**37 + 2
    assert inserted(PLAIN, {"g": one}, {"g": Decimal(other)}) == {
        (str(one), "all"): (1,),
        (str(other), "all"): (1,),
    }


@pytest.mark.slow
def test_a_folder_that_has_met_many_times_forgets_them_and_stays_right() -> None:
    tally = Tally(name="t", group_by="g", measures={"n": Count()}, windows=["hour"], time="at")  # type: ignore[list-item]  # a name will do
    folder = Folder(tally)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    rows = [
        {"g": "g", "at": f"{start + timedelta(hours=n):%Y-%m-%dT%H:00:00Z}"} for n in range(100_002)
    ]
    for _ in range(2):
        folded = fold([folder], [Change(None, row) for row in rows])
        assert set(folded.deltas["t"].values()) == {(1,)}
        assert len(folded.deltas["t"]) == len(rows)


def test_a_minus_sign_does_not_round() -> None:
    """Plain Python would: its decimals have 28 digits unless a context says otherwise."""
    amount = Decimal("12345678901234567890123456789.123456789")
    assert negated([amount, 7]) == (amount.copy_negate(), -7)
    assert plus([amount], negated([amount])) == (0,)
