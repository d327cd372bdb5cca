"""Windows: stretches of calendar time, their names, and ways from a moment to a name and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from re import compile as pattern

from tallies.core.errors import UnknownWindow, shown


class Window(StrEnum):
    """A kind of window. Names: `all`, `2026`, `2026-11`, `2026-W48`, `2026-11-23`, `…T14`."""

    ALL = "all"
    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    HOUR = "hour"


def window_name(kind: Window, local: datetime) -> str:
    """The name of the window of this kind that holds `local`, a moment in the tally's zone.

    Weeks are ISO 8601 weeks: Monday to Sunday, in the year that holds their Thursday. Where a
    clock is set back, both passes of the repeated hour carry one name and share one window.
    """
    match kind:
        case Window.ALL:
            return "all"
        case Window.YEAR:
            return f"{local.year:04}"
        case Window.MONTH:
            return f"{local.year:04}-{local.month:02}"
        case Window.WEEK:
            year, week, _ = local.isocalendar()
            return f"{year:04}-W{week:02}"
        case Window.DAY:
            return f"{local.year:04}-{local.month:02}-{local.day:02}"
        case Window.HOUR:
            return f"{local.year:04}-{local.month:02}-{local.day:02}T{local.hour:02}"


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """A window that has been found by its name. `start` is local and naive; None for `all`."""

    kind: Window
    name: str
    start: datetime | None


_SHAPES = {
    Window.YEAR: pattern(r"\d{4}"),
    Window.MONTH: pattern(r"\d{4}-\d\d"),
    Window.WEEK: pattern(r"\d{4}-W\d\d"),
    Window.DAY: pattern(r"\d{4}-\d\d-\d\d"),
    Window.HOUR: pattern(r"\d{4}-\d\d-\d\dT\d\d"),
}
_FILL = {
    Window.YEAR: "-01-01",
    Window.MONTH: "-01",
    Window.WEEK: "-1",
    Window.DAY: "",
    Window.HOUR: ":00",
}


@lru_cache(maxsize=10_000)  # each row of a scan or of a batch asks, for few different windows
def parse_window(name: str) -> NamedWindow:
    """Find the window that a name means.

    Raises:
        UnknownWindow: no window has this name.
    """
    if name == Window.ALL:
        return NamedWindow(Window.ALL, name, None)
    for kind, shape in _SHAPES.items():
        # ASCII only: \d also matches digits of other scripts, which would give a window two names.
        if name.isascii() and shape.fullmatch(name):
            try:
                start = datetime.fromisoformat(name + _FILL[kind])
            except ValueError:
                break
            # Later versions of Python read hour 24 as the next day's first hour: a second name.
            if window_name(kind, start) == name:
                return NamedWindow(kind, name, start)
    raise UnknownWindow(
        f"{shown(name)} names no window; use all, or one like 2026, 2026-11, 2026-W48, 2026-11-23"
        " or 2026-11-23T14."
    )


def find_window(name: str, local_now: datetime) -> NamedWindow:
    """As `parse_window`; the name of a kind (`month`, `day`, …) means the one that holds now.

    Raises:
        UnknownWindow: no window has this name.
    """
    if name in set(Window):
        name = window_name(Window(name), local_now)
    return parse_window(name)


def next_start(kind: Window, start: datetime) -> datetime:
    """The end of the window of this kind that begins at `start`, both local and naive.

    Raises:
        OverflowError: after the end of the calendar; or ValueError.
    """
    match kind:
        case Window.YEAR:
            return start.replace(year=start.year + 1)
        case Window.MONTH:
            return (start + timedelta(days=31)).replace(day=1)
        case Window.WEEK:
            return start + timedelta(days=7)
        case Window.DAY:
            return start + timedelta(days=1)
        case _:
            return start + timedelta(hours=1)


def window_end(window: NamedWindow, zone: tzinfo) -> datetime | None:
    """The first moment (UTC) after the window; None for `all` and at the end of the calendar.

    Never early. If the clock skips from inside the window past its end, late by less than the skip.
    """
    if window.start is None:
        return None
    try:
        after = next_start(window.kind, window.start)
        end = after.replace(tzinfo=zone).astimezone(UTC)
        # Where a clock is set back over the end, there is a second end. It counts if the window was
        # entered again.
        second = after.replace(tzinfo=zone, fold=1).astimezone(UTC)
        if second > end:
            before = (second - datetime.resolution).astimezone(zone)
            if window_name(window.kind, before) == window.name:
                return second
    except (OverflowError, ValueError):
        return None
    return end


def windows_between(first: NamedWindow, last: NamedWindow) -> Iterator[str]:
    """The names of all windows of one kind from `first` to `last`, both included."""
    start = first.start
    if start is None or last.start is None:
        yield "all"
        return
    while start <= last.start:
        yield window_name(first.kind, start)
        try:
            start = next_start(first.kind, start)
        except (OverflowError, ValueError):
            return
