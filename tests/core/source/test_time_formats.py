"""Every form of a time is read exactly; what is not of the form is refused with one sentence."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.errors import InvalidTime
from tallies.core.source.time_formats import FORMATS, parse_time_as
from tests.core import histories as make

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"epoch-s": 10**6, "epoch-ms": 10**3, "epoch-us": 1}


@given(make.moments, st.sampled_from(sorted(UNITS)))
def test_an_epoch_is_read_as_number_and_as_text_to_the_microsecond(
    moment: datetime, as_: str
) -> None:
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    number = Decimal(micros) / UNITS[as_]
    assert parse_time_as(number, as_) == moment
    assert parse_time_as(f"{number:f}", as_) == moment
    assert parse_time_as(micros // UNITS[as_], as_) == moment - timedelta(
        microseconds=micros % UNITS[as_]
    )


@given(make.moments, st.integers(0, 999))
def test_nanoseconds_are_cut_to_the_microsecond_before(moment: datetime, nanos: int) -> None:
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    assert parse_time_as(micros * 1000 + nanos, "epoch-ns") == moment


def test_a_float_is_the_shortest_decimal_that_reads_back_as_it() -> None:
    assert parse_time_as(1_795_444_200.1, "epoch-s").microsecond == 100_000


@given(make.time_texts())
def test_rfc3339_is_the_form_that_the_library_reads_anyway(text: str) -> None:
    assert parse_time_as(text, "rfc3339") == datetime.fromisoformat(text.upper())


@pytest.mark.parametrize(
    ("value", "as_", "utc"),
    [
        ("2026-11-23", "date", "2026-11-22T23:00:00"),
        ("2026-07-01", "date", "2026-06-30T22:00:00"),
        ("2026-11-23 14:05", "sql", "2026-11-23T19:05:00"),
        ("2026-11-23T14:05:06", "sql", "2026-11-23T19:05:06"),
        ("2026-11-23 14:05:06.5", "sql", "2026-11-23T19:05:06.500000"),
        ("2026-11-23 14:05:06+02:00", "sql", "2026-11-23T12:05:06"),
        ("2026-11-23 14:05:06Z", "sql", "2026-11-23T14:05:06"),
        ("2026-11-01 01:30:00", "sql", "2026-11-01T05:30:00"),  # the first of two
    ],
)
def test_texts_without_a_zone_are_in_that_of_the_declaration(
    value: str, as_: str, utc: str
) -> None:
    zone, naive_zone = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
    moment = parse_time_as(value, as_, zone=zone, naive_zone=naive_zone)
    assert moment == datetime.fromisoformat(utc).replace(tzinfo=UTC)


NO_TIMES: list[Any] = [
    (True, "epoch-s"),
    (None, "epoch-s"),
    ("soon", "epoch-s"),
    ("1e3", "epoch-s"),
    (" 1", "epoch-s"),
    ("١", "epoch-s"),
    ("1" * 101, "epoch-s"),
    (Decimal("NaN"), "epoch-s"),
    (float("inf"), "epoch-s"),
    (1_795_444_200_000, "epoch-s"),  # milliseconds
    pytest.param(10**5000, "epoch-ms", id="10**5000"),
    (Decimal("1E+999999999"), "epoch-ms"),
    ("2026-11-23T00:00:00Z", "date"),
    ("20261123", "date"),
    ("2026-W48-1", "date"),
    ("2026-02-30", "date"),
    (20261123, "date"),
    ("0001-01-01", "date"),  # begins in the year before
    ("2026-11-23", "sql"),
    ("2026-11-23 25:00:00", "sql"),
    (0, "sql"),
    (0, "rfc3339"),
    ("2026-11-23 14:05:06", "rfc3339"),
]


@pytest.mark.parametrize(("value", "as_"), NO_TIMES)
def test_what_is_no_time_of_the_form_is_refused(value: Any, as_: str) -> None:
    with pytest.raises(InvalidTime) as caught:
        parse_time_as(value, as_, zone=ZoneInfo("Asia/Kathmandu"))
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 200


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(), st.binary()
    ),
    st.sampled_from(sorted(FORMATS)),
)
def test_anything_is_read_or_refused(value: Any, as_: str) -> None:
    with suppress(InvalidTime):
        assert parse_time_as(value, as_).tzinfo is UTC
