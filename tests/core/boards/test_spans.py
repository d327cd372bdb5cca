"""Spans: what they say, the windows that make them up, and what is said of those that cannot be."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallies import Count, Sum, Tally, Window
from tallies.core.boards.spans import MAX_HALF_LIFE_DAYS, MAX_WINDOWS, Span, parse_span
from tallies.core.boards.tiling import find_span
from tallies.core.boards.trending import weights_of
from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.naming import kept_windows
from tallies.core.windows import next_start, parse_window

NOW = datetime(2026, 11, 23, 14, 5, 6, tzinfo=UTC)
ALL = (Window.ALL, Window.YEAR, Window.MONTH, Window.WEEK, Window.DAY, Window.HOUR)

days = st.dates(date(1970, 1, 1), date(2037, 12, 31))
kinds = st.sets(st.sampled_from([kind for kind in ALL if kind != Window.DAY])).map(
    lambda chosen: (*chosen, Window.DAY)
)


def tally(ranked: Sequence[Window] = ALL, zone: str = "UTC", **more: object) -> Tally:
    return Tally(
        name="orders",
        group_by="shop",
        measures={"orders": Count()},
        windows=ranked,
        ranked=ranked,
        time="at",
        zone=zone,
        **more,  # type: ignore[arg-type]
    )


def covered(span: Span) -> list[tuple[datetime, datetime]]:
    """From when to when each window goes."""
    found = []
    for name in span.windows:
        window = parse_window(name)
        assert window.start is not None
        found.append((window.start, next_start(window.kind, window.start)))
    return sorted(found)


@given(days, st.integers(0, 800), kinds)
@settings(deadline=None)  # on a busy machine 800 days take a while
def test_a_span_of_days_is_covered_without_gap_or_overlap(
    first: date, length: int, ranked: Sequence[Window]
) -> None:
    last = first + timedelta(days=length)
    span = find_span(f"{first}..{last}", tally(ranked), NOW)
    parts = covered(span)
    assert parts[0][0].date() == first
    assert parts[-1][1].date() == last + timedelta(days=1)
    assert all(one[1] == other[0] for one, other in pairwise(parts))
    assert set(span.weights) == {1}
    assert span.unit == 1
    assert {parse_window(name).kind for name in span.windows} <= set(ranked)


@given(days, st.integers(0, 800))
@settings(deadline=None)  # the slow way is slow
def test_the_windows_are_the_fewest(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    ranked = (Window.YEAR, Window.MONTH, Window.DAY)
    # The shortest way through the calendar, day by day.
    end = datetime(last.year, last.month, last.day) + timedelta(days=1)
    start = datetime(first.year, first.month, first.day)
    best = {start: 0}
    day = start
    while day < end:
        for kind, begins in [
            (Window.DAY, True),
            (Window.MONTH, day.day == 1),
            (Window.YEAR, day.day == day.month == 1),
        ]:
            if begins and (after := next_start(kind, day)) <= end:
                best[after] = min(best.get(after, 10**9), best[day] + 1)
        day += timedelta(days=1)
    assert len(find_span(f"{first}..{last}", tally(ranked), NOW).windows) == best[end]


@pytest.mark.parametrize(
    ("name", "windows"),
    [
        ("2026-11-01..2026-11-02", ["2026-11-01", "2026-11-02"]),
        ("2026-02-28..2026-03-01", ["2026-02-28", "2026-03-01"]),
        ("2024-02-28..2024-03-01", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("2024-02-01..2024-02-29", ["2024-02"]),
        ("2025-12-31..2027-01-01", ["2025-12-31", "2026", "2027-01-01"]),
        ("2025-11..2027-01", ["2025-11", "2025-12", "2026", "2027-01"]),
        ("2024..2026", ["2024", "2025", "2026"]),
        ("2026-11-23..2026-11-23", ["2026-11-23"]),
        ("9999-12-31..9999-12-31", ["9999-12-31"]),
        ("9998..9999", ["9998", "9999"]),
        ("2026-W47..2026-W48", ["2026-W47", "2026-W48"]),
        ("2026-11-23T23..2026-11-24T00", ["2026-11-23T23", "2026-11-24T00"]),
        ("last-1-days", ["2026-11-23"]),
        ("last-3-days", ["2026-11-21", "2026-11-22", "2026-11-23"]),
        ("last-2-hours", ["2026-11-23T13", "2026-11-23T14"]),
        ("2030-01-01..2030-01-02", ["2030-01-01", "2030-01-02"]),
        ("all", ["all"]),
        ("month", ["2026-11"]),
        ("week", ["2026-W48"]),
        ("2026-W48", ["2026-W48"]),
    ],
)
def test_spans_by_name(name: str, windows: list[str]) -> None:
    assert list(find_span(name, tally(), NOW).windows) == windows


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("last-7-days", "2026-11-17..2026-11-23"),
        ("last-24-hours", "2026-11-22T15..2026-11-23T14"),
        ("day", "2026-11-23"),
        ("2026-11-01..2026-11-15", "2026-11-01..2026-11-15"),
        ("trending", "trending"),
        ("trending-3-days", "trending"),
        ("trending-7-days", "trending-7-days"),
    ],
)
def test_the_name_that_an_answer_bears(name: str, shown: str) -> None:
    assert find_span(name, tally(), NOW).name == shown


def test_days_and_hours_are_those_of_the_zone() -> None:
    kathmandu = tally(zone="Asia/Kathmandu")  # 19:50 there
    late = NOW + timedelta(hours=5)
    assert find_span("last-1-days", kathmandu, late).windows == ("2026-11-24",)
    assert find_span("trending", kathmandu, late).windows[0] == "2026-11-24"
    assert find_span("last-1-hours", kathmandu, late).windows == ("2026-11-24T00",)


def test_hours_are_counted_as_they_pass_though_the_clock_is_moved() -> None:
    berlin = tally((Window.HOUR,), zone="Europe/Berlin")
    # Set back on 25 October at 3:00: 2 o'clock came twice, under one name.
    after = datetime(2026, 10, 25, 3, 30, tzinfo=UTC)
    assert find_span("last-4-hours", berlin, after).windows == (
        "2026-10-25T02",
        "2026-10-25T03",
        "2026-10-25T04",
    )
    # Set forward on 29 March at 2:00: there was no 2 o'clock, and so no rows.
    after = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
    assert find_span("last-3-hours", berlin, after).windows == (
        "2026-03-29T01",
        "2026-03-29T02",
        "2026-03-29T03",
        "2026-03-29T04",
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("yesterday", "names no window"),
        ("", "names no window"),
        ("..", "names no window"),
        ("2026-11-01..", "names no window"),
        ("2026-11-01...2026-11-02", "names no window"),
        ("2026-02-29..2026-03-01", "names no window"),
        ("last-7", "names no window"),
        ("last--7-days", "names no window"),
        ("last-٧-days", "names no window"),
        ("2026-11-15..2026-11-01", "swap them"),
        ("2026-11..2026-11-15", "two of one kind"),
        ("all..2026", "no span"),
        ("last-0-days", "at least last-1-days"),
        ("last-0-hours", "at least last-1-hours"),
        ("trending-0-days", "half-life"),
        (f"trending-{MAX_HALF_LIFE_DAYS + 1}-days", f"1 to {MAX_HALF_LIFE_DAYS}"),
    ],
)
def test_names_that_mean_nothing_need_no_tally(name: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        parse_span(name)
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("ranked", "name", "words"),
    [
        ((Window.ALL, Window.MONTH), "2026-11-02..2026-11-15", "add day to"),
        ((Window.ALL, Window.YEAR), "2026-02..2026-03", "add month to"),
        ((Window.ALL, Window.MONTH), "last-7-days", "last-7-days cannot .* add day to"),
        ((Window.ALL, Window.DAY), "last-24-hours", "add hour to"),
        ((Window.ALL, Window.MONTH), "trending", "add day to"),
        ((Window.ALL,), "month", "no leaderboard by month; there is: all"),
        ((), "all", "has no leaderboard: none of its windows is declared as ranked"),
        ((Window.DAY,), "2000-01-01..2026-11-23", "more than 1,000 windows"),
        ((Window.DAY,), "last-99999999-days", "no calendar"),
        ((Window.HOUR,), "last-999999999-hours", "no calendar"),
        (ALL, "0001..9999", "more than 1,000 windows"),
    ],
)
def test_spans_that_a_tally_cannot_answer(ranked: Sequence[Window], name: str, words: str) -> None:
    declared = tally(ranked or (Window.ALL,))
    if not ranked:
        declared = Tally(name="orders", group_by="shop", measures={"orders": Count()})
    with pytest.raises(InvalidInput, match=words):
        find_span(name, declared, NOW)


def test_the_last_span_that_is_not_too_long_is_answered() -> None:
    by_day = tally((Window.DAY,))
    assert len(find_span(f"last-{MAX_WINDOWS}-days", by_day, NOW).windows) == MAX_WINDOWS
    with pytest.raises(InvalidInput, match="more than"):
        find_span(f"last-{MAX_WINDOWS + 1}-days", by_day, NOW)


def test_windows_that_are_no_longer_kept_are_told() -> None:
    declared = tally(retention={Window.DAY: timedelta(days=9)})
    without_hours = tally((Window.MONTH, Window.DAY), retention={Window.DAY: timedelta(days=9)})
    assert len(find_span("2026-11-14..2026-11-23", without_hours, NOW).windows) == 10
    with pytest.raises(InvalidInput, match="2026-11-13 is no longer kept"):
        find_span("2026-11-13..2026-11-23", without_hours, NOW)
    with pytest.raises(InvalidInput, match="is no longer kept"):
        find_span("trending", declared, NOW)
    # Its rows may be there for another while; nothing is added to them any more.
    with pytest.raises(InvalidInput, match="2026-11-13 is no longer kept"):
        find_span("2026-11-13", declared, NOW)
    with pytest.raises(InvalidInput, match="2026-11-13 is no longer kept"):
        kept_windows(declared, ["2026-11-14", "2026-11-13"], NOW)
    assert kept_windows(declared, ["2026-11-14", "month"], NOW) == ["2026-11-14", "2026-11"]
    # A month outlives its days, and hours may outlive both.
    assert find_span("2026-10-01..2026-10-31", without_hours, NOW).windows == ("2026-10",)
    assert "2026-11-13T00" in find_span("2026-11-13..2026-11-23", declared, NOW).windows


def test_sums_that_may_be_negative_are_refused() -> None:
    def summed(*, nonnegative: bool = False) -> Tally:
        return Tally(
            name="orders",
            group_by="shop",
            measures={"revenue": Sum("total")},
            windows=(Window.DAY,),
            ranked=(Window.DAY,),
            time="at",
            nonnegative=nonnegative,
        )

    for name in ("last-7-days", "trending"):
        with pytest.raises(InvalidInput, match="nonnegative = true"):
            find_span(name, summed(), NOW)
        assert find_span(name, summed(nonnegative=True), NOW).windows
    assert find_span("day", summed(), NOW).windows == ("2026-11-23",)


@pytest.mark.parametrize("half_life", [1, 2, 3, 7, 30, MAX_HALF_LIFE_DAYS])
def test_weights_are_the_nearest_millionths(half_life: int) -> None:
    weights = weights_of(half_life)
    assert len(weights) == 10 * half_life <= MAX_WINDOWS
    with localcontext() as context:
        context.prec = 50
        for age, weight in enumerate(weights):
            exact = Decimal(2) ** (Decimal(-age) / half_life) * 1_000_000
            assert abs(weight - exact) <= Decimal("0.5")
    assert weights[half_life] == 500_000


def test_amounts_of_trending_are_exact_decimals() -> None:
    span = find_span("trending", tally(), NOW)
    assert span.amount(1_793_701) == Decimal("1.793701")
    assert span.total(span.amount(1_793_701)) == 1_793_701
    big = 10**40 + 1
    assert Fraction(span.amount(big)) == Fraction(big, 10**6)
    assert span.total(span.amount(big)) == big


def test_a_window_alone_is_known_as_one() -> None:
    assert find_span("2026-10-01..2026-10-31", tally(), NOW).window == "2026-10"
    assert find_span("last-2-days", tally(), NOW).window is None
    with pytest.raises(UnknownWindow):
        find_span("decade", tally(), NOW)
