"""Tiling: a span becomes the fewest windows that make it up, or an error says what is missing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tallies.core.boards.spans import (
    HALF_LIFE_DAYS,
    MAX_WINDOWS,
    WEIGHT_UNITS,
    Asked,
    Between,
    Last,
    Span,
    Trending,
    parse_span,
)
from tallies.core.boards.trending import weights_of
from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.retention import gone, is_kept
from tallies.core.tally import Tally
from tallies.core.windows import (
    NamedWindow,
    Window,
    find_window,
    next_start,
    parse_window,
    window_name,
)

_NEVER = datetime.max  # noqa: DTZ901 # local: the end of the calendar in any zone
# Each window lies within one of the kind before it. Weeks lie across months and years.
_CALENDARS = (
    (Window.YEAR, Window.MONTH, Window.DAY, Window.HOUR),
    (Window.WEEK, Window.DAY, Window.HOUR),
)


def find_span(name: str, tally: Tally, now: datetime) -> Span:
    """The span that a name means for the leaderboards of a tally.

    Raises:
        UnknownWindow: it is the name of nothing, or the tally has no leaderboards that make it up.
        InvalidInput: it cannot be answered: of too many windows, no longer kept, ...
    """
    asked = parse_span(name)
    span = cut(asked, tally, now, tally.ranked, "ranked")
    if span.window is None and not tally.is_never_negative:
        raise InvalidInput(
            f"{tally.ranked_by} of tally {tally.name!r} may be negative, and leaderboards of spans"
            " are found only of what is not; declare `nonnegative = true` where it never is."
        )
    return span


def cut(
    asked: Asked, tally: Tally, now: datetime, kinds: Sequence[Window], are: str = "kept"
) -> Span:
    """Cut the span into the fewest windows of these kinds; `are` says "ranked" or "kept" in errors.

    Raises:
        UnknownWindow: it cannot be made of these kinds.
        InvalidInput: it takes too many windows, or some that are no longer kept.
    """
    zone = UTC if tally.zone == "UTC" else ZoneInfo(tally.zone)
    local_now = now.astimezone(zone).replace(tzinfo=None)
    tiler = _Tiler(tally, now, kinds, are)
    match asked:
        case Window():
            return tiler.one(find_window(asked, local_now))
        case NamedWindow():
            return tiler.one(asked)
        case Between(first, last):
            return tiler.between(first, last)
        case Trending(half_life):
            return tiler.trending(half_life, local_now)
        case Last(number, kind):
            if kind == Window.DAY:
                start = _back(local_now, timedelta(days=number - 1), number, "days")
            else:
                # Hours that have passed, however the wall clock was set meanwhile.
                moment = _back(now.astimezone(UTC), timedelta(hours=number - 1), number, "hours")
                start = moment.astimezone(zone).replace(tzinfo=None)
            ends = find_window(kind, start), find_window(kind, local_now)
            return tiler.between(*ends, asked=f"last-{number}-{kind}s")


class _Tiler:
    def __init__(self, tally: Tally, now: datetime, kinds: Sequence[Window], are: str) -> None:
        self._tally = tally
        self._now = now
        self._kinds = kinds
        self._are = are

    def one(self, window: NamedWindow) -> Span:
        if window.kind not in self._kinds:
            if not self._kinds:
                raise UnknownWindow(
                    f"The tally {self._tally.name} has no leaderboard: none of its windows is"
                    " declared as ranked."
                )
            there = ", ".join(self._kinds)
            what = "leaderboard" if self._are == "ranked" else "window"
            raise UnknownWindow(f"There is no {what} by {window.kind}; there is: {there}.")
        if not is_kept(self._tally, window.name, self._now):
            raise gone(self._tally, window.name)
        return Span(window.name, (window.name,), (1,))

    def between(self, first: NamedWindow, last: NamedWindow, asked: str = "") -> Span:
        name = f"{first.name}..{last.name}"
        asked = asked or name
        assert first.start is not None  # noqa: S101 # only `all` has no start
        assert last.start is not None  # noqa: S101 # as above
        end = _end(last.kind, last.start)
        tilings = [self._tile(first.start, end, kinds) for kinds in _CALENDARS]
        whole = [windows for windows, until in tilings if until == end]
        if whole and len(windows := min(whole, key=len)) <= MAX_WINDOWS:
            return Span(name, tuple(windows), (1,) * len(windows))
        windows, until = max(tilings, key=lambda tiling: tiling[1])
        if whole or len(windows) > MAX_WINDOWS:
            raise InvalidInput(
                f"{asked} takes more than {MAX_WINDOWS:,} windows; ask for less, or for whole"
                f" months or years where those are {self._are}."
            )
        missing = window_name(last.kind, until)
        if last.kind in self._kinds:
            raise gone(self._tally, missing)
        raise self._lacks(last.kind, asked)

    def trending(self, half_life_days: int, local_now: datetime) -> Span:
        suffix = "" if half_life_days == HALF_LIFE_DAYS else f"-{half_life_days}-days"
        name = f"trending{suffix}"
        if Window.DAY not in self._kinds:
            raise self._lacks(Window.DAY, name)
        weights = weights_of(half_life_days)
        _back(local_now, timedelta(days=len(weights)), len(weights), "days")
        days = [
            window_name(Window.DAY, local_now - timedelta(days=age)) for age in range(len(weights))
        ]
        if not is_kept(self._tally, days[-1], self._now):
            raise gone(self._tally, days[-1])
        return Span(name, tuple(days), weights, WEIGHT_UNITS)

    def _tile(
        self, start: datetime, end: datetime, calendar: Sequence[Window]
    ) -> tuple[list[str], datetime]:
        """The fewest windows from the start, and how far they reach: to the end, if they can.

        Taking the largest that fits is best, since each lies within those of the kinds before.
        """
        kinds = [kind for kind in calendar if kind in self._kinds]
        names: list[str] = []
        while start < end and len(names) <= MAX_WINDOWS:
            for kind in kinds:
                name = window_name(kind, start)
                if (
                    parse_window(name).start == start
                    and _end(kind, start) <= end
                    and is_kept(self._tally, name, self._now)
                ):
                    names.append(name)
                    start = _end(kind, start)
                    break
            else:
                break
        return names, start

    def _lacks(self, kind: Window, name: str) -> UnknownWindow:
        have = ", ".join(self._kinds) or "none"
        declare = "`windows` and `ranked`" if self._are == "ranked" else "`windows`"
        return UnknownWindow(
            f"{name} cannot be made of the windows that are {self._are} ({have}); add {kind} to"
            f" {declare} of tally {self._tally.name!r}."
        )


def _back(moment: datetime, by: timedelta, count: int, what: str) -> datetime:
    try:
        return moment - by
    except OverflowError:
        raise InvalidInput(f"{count:,} {what} ago there was no calendar; ask for less.") from None


def _end(kind: Window, start: datetime) -> datetime:
    try:
        return next_start(kind, start)
    except (OverflowError, ValueError):
        return _NEVER
