"""Times cut to the part that decides their windows, so that most times of a batch become equal.

A cut time is in UTC without a zone: the hour if the tally is in UTC, else the minute, or the whole
time where the zone needs that. The cut time decides the same windows as the time itself.
"""

from collections import deque
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from re import ASCII
from re import compile as pattern
from typing import Any

from tallies.core.errors import InvalidTime, Unfoldable, shown
from tallies.core.source.time_formats import UNITS_PER_SECOND, parse_time_as
from tallies.core.times import canonical_time

_HOUR = len("2026-11-23T14")
_MINUTE = len("2026-11-23T14:05")
_TO_HOUR = itemgetter(slice(_HOUR))
_TO_MINUTE = itemgetter(slice(_MINUTE))
_NAIVE = pattern(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?", ASCII).fullmatch
WHOLE_MINUTE_OFFSETS = "1973"
"""Since 1972 (Monrovia was the last) every zone is whole minutes from UTC, so the minute decides
the window; before, offsets had seconds. Source: the IANA time zone database, file `africa`."""
_WHOLE_MINUTES_FROM_SECONDS = 3 * 366 * 24 * 3600
"""The same as seconds since 1970, or a few hours later."""


def cut_times(
    times: list[Any], zone: tzinfo, as_: str = "rfc3339", naive_zone: tzinfo = UTC
) -> list[str]:
    """Cut a column of times, which are in the form `as_` of `tallies.core.source.time_formats`.

    Raises:
        Unfoldable: one of them is not a time.
    """
    found = _cut_epochs(times, zone, as_) if as_ in UNITS_PER_SECOND else None
    if as_ == "rfc3339":
        found = _cut_texts(times, zone)
    elif as_ == "sql" and zone is UTC and naive_zone is UTC:
        found = _cut_naive(times)
    # The careful way says which one is not a time, and why.
    return found or [cut_time(time, zone, as_, naive_zone) for time in times]


def cut_time(time: Any, zone: tzinfo, as_: str = "rfc3339", naive_zone: tzinfo = UTC) -> str:
    """Cut one time, however it is written.

    Raises:
        Unfoldable: it is not a time.
    """
    try:
        moment = parse_time_as(time, as_, zone=zone, naive_zone=naive_zone)
    except InvalidTime as error:
        raise Unfoldable(str(error)) from None
    text = canonical_time(moment)
    if zone is UTC:
        return text[:_HOUR]
    return text[:_MINUTE] if text >= WHOLE_MINUTE_OFFSETS else text[:-1]


def _cut_texts(times: list[Any], zone: tzinfo) -> list[str] | None:
    try:
        # Whole-column calls into C: this is the part of the fold that sees every record.
        deque(map(datetime.fromisoformat, times), maxlen=0)
        # In every form that Python reads, a colon there stands after the hour or the minute.
        if set(map(itemgetter(13), times)) == {":"} and set(map(itemgetter(-1), times)) == {"Z"}:
            if zone is UTC:
                return list(map(_TO_HOUR, times))
            if min(times) >= WHOLE_MINUTE_OFFSETS:
                return list(map(_TO_MINUTE, times))
    except (ValueError, TypeError, IndexError):
        pass
    return None


def _cut_naive(times: list[Any]) -> list[str] | None:
    """Texts without a zone, where everything is in UTC."""
    try:
        if all(map(_NAIVE, times)):
            deque(map(datetime.fromisoformat, times), maxlen=0)
            return list(map(_TO_HOUR, times))
    except (ValueError, TypeError):
        pass
    return None


def _cut_epochs(times: list[Any], zone: tzinfo, as_: str) -> list[str] | None:
    """For whole numbers only; each hour or minute is looked up once."""
    per_second = UNITS_PER_SECOND[as_]
    if set(map(type, times)) != {int}:
        return None
    if zone is not UTC and min(times) < _WHOLE_MINUTES_FROM_SECONDS * per_second:
        return None
    span = per_second * (3600 if zone is UTC else 60)
    floors = [time // span for time in times]
    try:
        cuts = {floor: cut_time(floor * span, zone, as_) for floor in set(floors)}
    except Unfoldable:
        return None
    return [cuts[floor] for floor in floors]


def local_time(cut: str, zone: tzinfo) -> datetime:
    """The cut time on the clocks of the zone.

    Raises:
        Unfoldable: it is not a time, or the zone's calendar does not reach that far.
    """
    try:
        return datetime.fromisoformat(cut).replace(tzinfo=UTC).astimezone(zone)
    except (ValueError, TypeError, OverflowError):
        raise Unfoldable(f"The time {shown(cut)} lies in no window.") from None
