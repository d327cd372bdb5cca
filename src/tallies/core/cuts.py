"""Times cut to what decides their windows, so that most times of a batch become equal.

A cut time is in UTC without a zone: the hour where the tally is in UTC, else the minute, or all
of it where the zone needs that. What is cut decides the same windows as the time itself.
"""

from collections import deque
from datetime import UTC, datetime, tzinfo
from operator import itemgetter
from typing import Any

from tallies.core.errors import InvalidTime, Unfoldable, shown
from tallies.core.times import canonical_time, parse_time

_HOUR = len("2026-11-23T14")
_MINUTE = len("2026-11-23T14:05")
_TO_HOUR = itemgetter(slice(_HOUR))
_TO_MINUTE = itemgetter(slice(_MINUTE))
_WHOLE_MINUTE_OFFSETS = "1973"
"""Since 1972 (Monrovia was the last) every zone is whole minutes from UTC, so the minute decides
the window; before, offsets had seconds. Source: the IANA time zone database, file `africa`."""


def cut_times(times: list[Any], zone: tzinfo) -> list[str]:
    """Cut a column of times.

    Raises:
        Unfoldable: one of them is no time.
    """
    try:
        # Whole-column calls into C: this is the part of the fold that sees every record.
        deque(map(datetime.fromisoformat, times), maxlen=0)
        # In every form that Python reads, a colon there stands after the hour or the minute.
        if set(map(itemgetter(13), times)) == {":"} and set(map(itemgetter(-1), times)) == {"Z"}:
            if zone is UTC:
                return list(map(_TO_HOUR, times))
            if min(times) >= _WHOLE_MINUTE_OFFSETS:
                return list(map(_TO_MINUTE, times))
    except (ValueError, TypeError, IndexError):
        pass  # the careful way says which one, and why
    return [cut_time(time, zone) for time in times]


def cut_time(time: Any, zone: tzinfo) -> str:
    """Cut one time, in whatever form it is written.

    Raises:
        Unfoldable: it is no time.
    """
    if not isinstance(time, str):
        raise Unfoldable(f"The time {shown(time)} is no text in RFC 3339 form.")
    try:
        text = canonical_time(parse_time(time))
    except InvalidTime as error:
        raise Unfoldable(str(error)) from None
    if zone is UTC:
        return text[:_HOUR]
    return text[:_MINUTE] if text >= _WHOLE_MINUTE_OFFSETS else text[:-1]


def local_time(cut: str, zone: tzinfo) -> datetime:
    """The cut time on the clocks of the zone.

    Raises:
        Unfoldable: it is none, or the zone's calendar does not reach so far.
    """
    try:
        return datetime.fromisoformat(cut).replace(tzinfo=UTC).astimezone(zone)
    except (ValueError, TypeError, OverflowError):
        raise Unfoldable(f"The time {shown(cut)} lies in no window.") from None
