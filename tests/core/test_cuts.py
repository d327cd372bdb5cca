"""Cut times decide the same windows as whole ones, and a column is cut like each of its times."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallies import Change, Count, Folder, Tally, Window
from tallies.core.cuts import cut_time, cut_times, local_time
from tallies.core.errors import Unfoldable
from tallies.core.times import canonical_time
from tallies.core.windows import window_name
from tests.core import histories as make
from tests.core.model import window_of

keys = st.one_of(st.sampled_from(make.ZONES), st.timezone_keys(allow_prefix=False))


def zone_of(key: str) -> tzinfo:
    return UTC if key == "UTC" else ZoneInfo(key)


def windows_of(cut: str, key: str) -> list[str]:
    local = local_time(cut, zone_of(key))
    return [window_name(kind, local) for kind in Window]


@given(st.lists(make.moments, min_size=1, max_size=5), keys)
def test_a_column_of_canonical_times_falls_into_the_windows_of_its_moments(
    column: list[datetime], key: str
) -> None:
    """The fast way: what stores write is always of this form."""
    cuts = cut_times([canonical_time(moment) for moment in column], zone_of(key))
    for cut, moment in zip(cuts, column, strict=True):
        assert windows_of(cut, key) == [window_of(kind, moment, key) for kind in Window]


@given(st.lists(make.time_texts(), min_size=1, max_size=5), keys)
def test_a_column_of_any_times_falls_into_the_windows_of_its_moments(
    column: list[str], key: str
) -> None:
    for cut, text in zip(cut_times(list(column), zone_of(key)), column, strict=True):
        moment = datetime.fromisoformat(text.upper())
        assert windows_of(cut, key) == [window_of(kind, moment, key) for kind in Window]


odd_texts = st.from_regex(
    r"(2026-11-23|2026-W48-1|20261123|2026W481|2026W48|2026-W48|1969-02-01)[T t-]"
    r"(14|24)(:?05(:?06([.,][0-9]{1,12})?)?)?(Z|z|[+]00:00|[+]01:00)?",
    fullmatch=True,
)


@given(odd_texts, st.sampled_from(["UTC", "Europe/Lisbon", "Africa/Monrovia"]))
@example("2026-11-23T14Z", "UTC")
@example("2026-11-23T1405Z", "UTC")
@example("2026-11-23T140506Z", "Europe/Lisbon")
@example("2026-W48-1T14:05:06Z", "Europe/Lisbon")
@example("2026W48T14:05:06Z", "UTC")
def test_the_fast_way_takes_what_the_careful_way_takes(text: str, key: str) -> None:
    """Were it not so, it would hang on a row's neighbours whether it is counted or parked."""
    try:
        expected = windows_of(cut_time(text, zone_of(key)), key)
    except Unfoldable:
        with pytest.raises(Unfoldable):
            cut_times([text], zone_of(key))
    else:
        (cut,) = cut_times([text], zone_of(key))
        assert windows_of(cut, key) == expected


def test_times_of_one_hour_become_one_contribution() -> None:
    """The fold lives on it: a busy batch has far fewer distinct contributions than records."""
    tally = Tally(name="t", group_by="g", measures={"n": Count()}, windows=[Window.DAY], time="at")
    changes = [
        Change(None, {"g": "a", "at": f"2026-11-23T14:{minute:02}:30.5Z"}) for minute in range(60)
    ]
    assert Folder(tally).contributions(changes) == {("a", "2026-11-23T14"): 60}


@pytest.mark.parametrize(
    ("text", "key", "hour"),
    [
        # Lisbon: both passes of the hour that is repeated share one window; …
        ("2026-10-25T00:30:00Z", "Europe/Lisbon", "2026-10-25T01"),
        ("2026-10-25T01:30:00Z", "Europe/Lisbon", "2026-10-25T01"),
        # … the hour that is left out has none.
        ("2026-03-29T00:59:59.999999Z", "Europe/Lisbon", "2026-03-29T00"),
        ("2026-03-29T01:00:00Z", "Europe/Lisbon", "2026-03-29T02"),
        # Monrovia was 44 minutes and 30 seconds behind until 7 January 1972.
        ("1972-01-01T00:44:29.999999Z", "Africa/Monrovia", "1971-12-31T23"),
        ("1972-01-01T00:44:30Z", "Africa/Monrovia", "1972-01-01T00"),
        ("2026-11-23T23:59:59.999999Z", "UTC", "2026-11-23T23"),
        ("2026-11-24T00:00:00+00:01", "UTC", "2026-11-23T23"),
    ],
)
def test_hours_where_clocks_are_odd(text: str, key: str, hour: str) -> None:
    for column in ([text], [text, "2026-11-23T14:05:06+02:00"]):
        assert windows_of(cut_times(column, zone_of(key))[0], key)[-1] == hour


@pytest.mark.parametrize(
    ("text", "key"),
    [("9999-12-31T23:30:00Z", "Asia/Kathmandu"), ("0001-01-01T00:30:00Z", "America/St_Johns")],
)
def test_a_time_past_the_calendar_of_its_zone_is_in_no_window(text: str, key: str) -> None:
    with pytest.raises(Unfoldable, match="no window"):
        windows_of(cut_time(text, zone_of(key)), key)


naive_texts = st.from_regex(
    r"(2026-11-23|2026-02-30|0001-01-01|2026-W48-1|20261123)[T t]"
    r"(14|24|00)(:05(:(06|60)([.,][0-9]{1,9})?)?)?(Z|[+]01:00)?",
    fullmatch=True,
)


@given(st.lists(naive_texts, min_size=1, max_size=2))
@example(["2026-11-23 14:05:06"])
@example(["2026-11-23T14:05:06.123456789"])
@example(["2026-11-23 14:05+01:00"])
def test_the_fast_way_takes_what_the_careful_way_takes_without_a_zone(texts: list[str]) -> None:
    try:
        expected = [windows_of(cut_time(text, UTC, "sql"), "UTC") for text in texts]
    except Unfoldable:
        with pytest.raises(Unfoldable):
            cut_times(list(texts), UTC, "sql")
    else:
        found = cut_times(list(texts), UTC, "sql")
        assert [windows_of(cut, "UTC") for cut in found] == expected


@given(
    st.lists(st.integers(-(10**14), 10**15), min_size=1, max_size=3),
    st.sampled_from(["epoch-s", "epoch-ms", "epoch-us", "epoch-ns"]),
    st.sampled_from(["UTC", "Europe/Lisbon", "Africa/Monrovia", "Asia/Kathmandu"]),
)
@example([-62135596800, 253402300799], "epoch-s", "UTC")
@example([-62135596801], "epoch-s", "UTC")
@example([63593069], "epoch-s", "Africa/Monrovia")
@example([True], "epoch-s", "UTC")
def test_the_fast_way_takes_what_the_careful_way_takes_of_epochs(
    numbers: list[int], as_: str, key: str
) -> None:
    try:
        expected = [windows_of(cut_time(number, zone_of(key), as_), key) for number in numbers]
    except Unfoldable:
        with pytest.raises(Unfoldable):
            [windows_of(cut, key) for cut in cut_times(list(numbers), zone_of(key), as_)]
    else:
        found = cut_times(list(numbers), zone_of(key), as_)
        assert [windows_of(cut, key) for cut in found] == expected
