"""Windows: a name comes back as it went in, spans meet, and zones have their say."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies import Window
from tallies.core.errors import UnknownWindow
from tallies.core.windows import (
    find_window,
    parse_window,
    window_end,
    window_name,
    windows_between,
)
from tests.core import histories as make
from tests.core.model import window_of

moments = st.datetimes(datetime(1, 1, 8), datetime(9998, 12, 31))
spans = st.sampled_from([kind for kind in Window if kind != Window.ALL])


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


@given(moments, st.integers(0, 40), spans)
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
    assert steps == 0 or list(windows_between(window, first)) == []


@pytest.mark.parametrize("name", ["all", "9999", "9999-12", "9999-W52", "9999-12-31"])
def test_the_last_windows_of_the_calendar_have_no_end(name: str) -> None:
    window = parse_window(name)
    assert window_end(window, UTC) is None
    assert list(windows_between(window, window)) == [name]


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2020-12-31", "2020-W53"),
        ("2021-01-03", "2020-W53"),
        ("2021-01-04", "2021-W01"),
        ("2024-12-29", "2024-W52"),
        ("2024-12-30", "2025-W01"),
        ("2026-12-31", "2026-W53"),
        ("2027-01-03", "2026-W53"),
    ],
)
def test_weeks_belong_to_the_year_of_their_thursday(day: str, week: str) -> None:
    assert window_name(Window.WEEK, datetime.fromisoformat(day)) == week


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
        "2" * 100_000,
    ],
)
def test_what_names_no_window_is_refused(name: str) -> None:
    with pytest.raises(UnknownWindow) as caught:
        parse_window(name)
    assert len(str(caught.value)) < 250


def test_a_kind_means_the_current_window() -> None:
    now = datetime(2026, 11, 23, 14, 5)
    names = [find_window(kind, now).name for kind in Window]
    assert names == ["all", "2026", "2026-11", "2026-W48", "2026-11-23", "2026-11-23T14"]
    assert find_window("2017-08", now).name == "2017-08"


@given(
    st.one_of(st.sampled_from(make.ZONES), st.timezone_keys(allow_prefix=False)),
    make.moments,
    spans,
)
def test_no_moment_of_a_window_is_after_its_end(key: str, moment: datetime, kind: Window) -> None:
    end = window_end(parse_window(window_of(kind, moment, key)), ZoneInfo(key))
    assert end is not None
    assert moment < end
    assert window_of(kind, end, key) != window_of(kind, moment, key)


@pytest.mark.parametrize(
    ("zone", "name", "end"),
    [
        # Lisbon sets its clock back from 02:00 to 01:00: a day of 25 hours, an hour of two.
        ("Europe/Lisbon", "2026-10-25", "2026-10-26T00:00:00Z"),
        ("Europe/Lisbon", "2026-10-25T00", "2026-10-25T00:00:00Z"),
        ("Europe/Lisbon", "2026-10-25T01", "2026-10-25T02:00:00Z"),
        # Lord Howe sets it back by half an hour, from 02:00 to 01:30.
        ("Australia/Lord_Howe", "2026-04-05T01", "2026-04-04T15:30:00Z"),
        # São Paulo had no midnight that day; its clock went from 24:00 to 01:00.
        ("America/Sao_Paulo", "2018-11-03", "2018-11-04T03:00:00Z"),
        # St. John's set it back from 00:01 to 23:01, and so entered Saturday again.
        ("America/St_Johns", "2010-11-06", "2010-11-07T03:30:00Z"),
        # Catamarca set it back from 00:00 to 22:00, by two hours.
        ("America/Argentina/Catamarca", "1991-03-02T22", "1991-03-03T03:00:00Z"),
        # Samoa left out 30 December 2011.
        ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00:00Z"),
    ],
)
def test_a_window_ends_when_the_clocks_of_its_zone_say_so(zone: str, name: str, end: str) -> None:
    found = window_end(parse_window(name), ZoneInfo(zone))
    assert found == datetime.fromisoformat(end)
    just_before = (found - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    assert window_name(parse_window(name).kind, just_before) == name
