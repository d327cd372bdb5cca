"""Times in the forms in which tables hold them: texts with and without a zone, dates, epochs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from re import ASCII
from re import compile as pattern
from typing import Any

from tallies.core.errors import InvalidTime, shown
from tallies.core.times import parse_time

RFC3339 = "rfc3339"
"""The default form of times."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS_PER_SECOND = {"epoch-s": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}
"""Of the forms that are a number since 1970."""
_MAX_DIGITS = 40
"""Before or after the point. No calendar reaches that far, and huge exponents must not be
expanded."""
_MAX_LENGTH = 100
"""Of a number's text."""

_NUMBER = pattern(r"[+-]?(\d+(\.\d*)?|\.\d+)", ASCII)
_DATE = pattern(r"\d{4}-\d\d-\d\d", ASCII)
_SQL = pattern(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:\d\d)?",
    ASCII,
)


def parse_time_as(
    value: Any, as_: str, *, zone: tzinfo = UTC, naive_zone: tzinfo = UTC
) -> datetime:
    """Read a time in one of `FORMATS`; the result is in UTC, cut to the microsecond.

    `date` is the moment when that day begins in `zone`; `sql` is text that is in `naive_zone`
    unless it names a zone (where a clock is set back, the first of the two moments).

    >>> parse_time_as(1795444200000, "epoch-ms").isoformat()
    '2026-11-23T14:30:00+00:00'

    Raises:
        InvalidTime: it is none in this form, or it lies outside the years 0001 to 9999.
        KeyError: there is no such form.
    """
    parse = FORMATS[as_]
    try:
        return parse(value, zone if as_ == "date" else naive_zone)
    except OverflowError:
        raise InvalidTime(
            f"The time {shown(value)} is outside the years 0001 to 9999; is it {as_}?"
        ) from None


def _rfc3339(value: Any, _: tzinfo) -> datetime:
    if not isinstance(value, str):
        raise InvalidTime(f"The time {shown(value)} is no text in RFC 3339 form.")
    return parse_time(value)


def _date(value: Any, zone: tzinfo) -> datetime:
    return _local(value, _DATE, zone, "date; write one like 2026-11-23")


def _sql(value: Any, zone: tzinfo) -> datetime:
    return _local(value, _SQL, zone, "time; write one like 2026-11-23 14:05:06")


def _local(value: Any, shape: Any, zone: tzinfo, what: str) -> datetime:
    moment = None
    if isinstance(value, str) and shape.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:  # the 30th of February
            moment = None
    if moment is None:
        raise InvalidTime(f"{shown(value)} is no {what}.")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _epoch(as_: str) -> Callable[[Any, tzinfo], datetime]:
    per_second = UNITS_PER_SECOND[as_]

    def parse(value: Any, _: tzinfo) -> datetime:
        number = _exact(value)
        if number is None:
            raise InvalidTime(f"The time {shown(value)} is no number since 1970, as {as_} is one.")
        if isinstance(number, Decimal):
            if number and number.adjusted() > _MAX_DIGITS:
                raise OverflowError
            # By whole numbers: a context would round, and time runs down to the microsecond.
            whole, parts = number.as_integer_ratio()
        else:
            whole, parts = number, 1
        return _EPOCH + timedelta(microseconds=whole * 10**6 // (parts * per_second))

    return parse


def _exact(value: Any) -> int | Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = Decimal(repr(value))  # the shortest decimal that reads back as the same float
    elif isinstance(value, str) and len(value) <= _MAX_LENGTH and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, Decimal):
        if not value.is_finite() or len(value.as_tuple().digits) > _MAX_LENGTH:
            return None
        # Below that only its sign matters: on which side of 1970 it lies.
        return value if value.adjusted() > -_MAX_DIGITS else -int(value < 0)
    return value if isinstance(value, int) else None


FORMATS: Mapping[str, Callable[[Any, tzinfo], datetime]] = {
    RFC3339: _rfc3339,
    **{as_: _epoch(as_) for as_ in UNITS_PER_SECOND},
    "date": _date,
    "sql": _sql,
}
"""The forms by their names."""
