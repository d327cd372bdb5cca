"""Names of windows, times and ids: valid ones come back as they went in, others are refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies import Window
from tallies.core.errors import InvalidId, InvalidTime, UnknownWindow
from tallies.core.ids import MAX_ID_BYTES, check_id, join_ids, split_ids
from tallies.core.times import canonical_time, display_time, parse_time
from tallies.core.windows import (
    find_window,
    parse_window,
    window_end,
    window_name,
    windows_between,
)
from tests.core import histories as make

moments = st.datetimes(datetime(1, 1, 8), datetime(9998, 12, 31))


@given(moments, st.sampled_from(list(Window)))
def test_the_name_of_a_window_finds_it(moment: datetime, kind: Window) -> None:
    named = parse_window(window_name(kind, moment))
    assert named.kind == kind
    end = window_end(named, UTC)
    if kind == Window.ALL:
        assert (named.start, end) == (None, None)
    else:
        assert named.start is not None
        assert end is not None
        assert named.start <= moment < end.replace(tzinfo=None)
        assert window_name(kind, named.start) == named.name
        assert window_name(kind, end.replace(tzinfo=None)) != named.name


@given(moments, st.integers(0, 40), st.sampled_from([k for k in Window if k != Window.ALL]))
def test_windows_between_meet_without_gap_or_overlap(
    moment: datetime, steps: int, kind: Window
) -> None:
    first = parse_window(window_name(kind, moment))
    names, window = [first.name], first
    for _ in range(steps):
        end = window_end(window, UTC)
        if end is None:
            return
        window = parse_window(window_name(kind, end.replace(tzinfo=None)))
        names.append(window.name)
    assert list(windows_between(first, window)) == names
    assert names == sorted(names)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ALL",
        "26",
        "2026-",
        "2026-13",
        "2026-00",
        "2026-W54",
        "2026-W00",
        "2026-w48",
        "0000",
        "2026-02-30",
        "2026-11-23T24",
        "2026-11-23T1",
        "2026-11-23 14",
        " 2026",
        "2026\n",
        "２０２６",
        "2025-W53",
        "month",
        "-2026",
        "2026-11-23T14:00",
        "12026",
    ],
)
def test_what_names_no_window_is_refused(name: str) -> None:
    with pytest.raises(UnknownWindow):
        parse_window(name)


def test_a_kind_means_the_current_window() -> None:
    now = datetime(2026, 11, 23, 14, 5)
    names = [find_window(kind, now).name for kind in Window]
    assert names == ["all", "2026", "2026-11", "2026-W48", "2026-11-23", "2026-11-23T14"]
    assert find_window("2017-08", now).name == "2017-08"


def test_a_window_ends_when_its_zone_says_so() -> None:
    end = window_end(parse_window("2026-10-25"), ZoneInfo("Europe/Lisbon"))
    assert end == datetime(2026, 10, 26, tzinfo=UTC)  # a day of 25 hours
    assert window_end(parse_window("9999"), UTC) is None


@given(make.moments)
def test_canonical_times_order_like_the_moments(moment: datetime) -> None:
    text = canonical_time(moment)
    assert len(text) == 27
    assert parse_time(text) == parse_time(display_time(text)) == moment
    assert canonical_time(moment + timedelta(microseconds=1)) > text


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-23", "2026-11-23T14:05:06", "2026-02-30T00:00:00Z", "12:00Z"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidTime):
        parse_time(text)


def test_a_moment_outside_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidTime, match="0001 to 9999"):
        parse_time("9999-12-31T23:59:59-01:00")


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(st.lists(texts, min_size=1, max_size=4), st.lists(texts, min_size=1, max_size=4))
def test_joined_ids_come_apart_and_differ(one: list[str], other: list[str]) -> None:
    assert split_ids(join_ids(*one)) == tuple(one)
    assert (join_ids(*one) == join_ids(*other)) == (one == other)


@pytest.mark.parametrize("id_", ["a", "#", "a/b", "%23", " ", "🍜", "مطعم", "a" * 1024, "é" * 512])
def test_any_printable_text_is_an_id(id_: str) -> None:
    assert check_id(id_) == id_


@pytest.mark.parametrize(
    ("id_", "reason"),
    [
        ("", "empty"),
        ("a" * (MAX_ID_BYTES + 1), "1025 bytes"),
        ("🍜" * 257, "1028 bytes"),
        ("a\x00b", r"U\+0000"),
        ("a\n", r"U\+000A"),
        ("\x7f", r"U\+007F"),
        ("\x85", r"U\+0085"),
        ("\ud800", r"U\+D800"),
    ],
)
def test_other_ids_are_refused_by_name(id_: str, reason: str) -> None:
    with pytest.raises(InvalidId, match=f"restaurant id.*{reason}"):
        check_id(id_, "restaurant id")
