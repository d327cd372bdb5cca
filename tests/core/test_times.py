"""Timestamps: RFC 3339 with a zone comes in, one canonical text in UTC goes out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.errors import InvalidTime
from tallies.core.times import canonical_time, display_time, parse_time
from tests.core import histories as make


@given(make.moments)
def test_canonical_times_come_back_and_order_like_the_moments(moment: datetime) -> None:
    text = canonical_time(moment)
    assert len(text) == 27
    assert parse_time(text) == parse_time(display_time(text)) == moment
    assert canonical_time(moment + timedelta(microseconds=1)) > text


@given(make.moments, st.data())
def test_every_form_of_a_moment_is_that_moment(moment: datetime, data: st.DataObject) -> None:
    found = parse_time(data.draw(make.time_texts(st.just(moment))))
    assert found == moment
    assert found.tzinfo is UTC


def test_finer_than_a_microsecond_is_cut_off_not_rounded_up() -> None:
    text = "2026-12-31T23:59:59.999999999Z"
    assert canonical_time(parse_time(text)) == "2026-12-31T23:59:59.999999Z"


def test_a_fraction_that_is_not_zero_is_shown() -> None:
    assert display_time("2026-11-23T14:05:06.500000Z") == "2026-11-23T14:05:06.500000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-23",
        "2026-11-23T14Z",
        "2026-11-23T14:05:06",
        "2026-02-30T00:00:00Z",
        "2026-11-23T14:60:00Z",
        "2026-11-23T14:05:06+25:00",
        "12:00Z",
        "２０２６-11-23T14:05:06Z",
        "1795442706",
        "x" * 1_000_000,
        "\ud800",
    ],
)
def test_what_is_no_moment_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(InvalidTime) as caught:
        parse_time(text)
    assert len(str(caught.value)) < 250
    str(caught.value).encode()


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+00:01"])
def test_a_moment_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(InvalidTime, match="0001 to 9999"):
        parse_time(text)
