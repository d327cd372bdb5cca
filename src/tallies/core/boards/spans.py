"""Spans: what a leaderboard may cover besides one window, as a weighted sum of windows.

A span is named `2026-11-01..2026-11-15` (both ends included; two days, months, years, weeks or
hours), `last-7-days` (today included), `last-24-hours` (this hour included), `trending`, or
`trending-7-days`, all on the clocks of the tally's zone. It is cut into the fewest windows that
the tally ranks.

Trending is the count of each day, times one half for each half-life that has passed since:
2 ** -(days / half-life), to whole days, so that all of today weighs 1. Weights are whole
millionths, rounded to the nearest, and those from ten half-lives on are zero. The sums are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact
from functools import lru_cache
from re import compile as pattern
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tallies.core.errors import InvalidInput, UnknownWindow, shown
from tallies.core.retention import expiry
from tallies.core.tally import Number, Tally
from tallies.core.windows import (
    NamedWindow,
    Window,
    find_window,
    next_start,
    parse_window,
    window_name,
)

MAX_WINDOWS = 1000
"""The most windows that a span is summed over."""
HALF_LIFE_DAYS = 3
"""Of `trending` without a number."""
CUT_OFF_HALF_LIVES = 10
"""A day so many half-lives ago would weigh less than a thousandth; it weighs nothing."""
MAX_HALF_LIFE_DAYS = MAX_WINDOWS // CUT_OFF_HALF_LIVES
WEIGHT_DECIMALS = 6
WEIGHT_UNITS = 10**WEIGHT_DECIMALS
"""Trending weights are whole multiples of one part in this many."""

_LAST = pattern(r"last-(\d{1,9})-(day|hour)s?")
_TRENDING = pattern(r"trending(?:-(\d{1,9})-days?)?")
_WIDE = Context(prec=100, traps=[Inexact])
_NEVER = datetime.max  # noqa: DTZ901 # local: the end of the calendar in any zone
# Each window lies within one of the kind before it. Weeks lie across months and years.
_CALENDARS = (
    (Window.YEAR, Window.MONTH, Window.DAY, Window.HOUR),
    (Window.WEEK, Window.DAY, Window.HOUR),
)


class Between(NamedTuple):
    """From one window to another of its kind, both included."""

    first: NamedWindow
    last: NamedWindow


class Last(NamedTuple):
    """So many days or hours, the present one included."""

    number: int
    kind: Window


class Trending(NamedTuple):
    """The days up to now; a day's weight halves with each half-life that has passed."""

    half_life_days: int


Asked = NamedWindow | Window | Between | Last | Trending
"""What the name of a span or window means, before time and tally of the question are known."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a leaderboard covers: one window, or a weighted sum of several."""

    name: str
    """Its ends by name if they depend on the present moment; otherwise the name in the question."""
    windows: Sequence[str]
    weights: Sequence[int]
    """Above zero, one for each window."""
    unit: int = 1
    """Weights are whole multiples of one part in this many: 1, or WEIGHT_UNITS."""

    @property
    def window(self) -> str | None:
        """The one window that this is; None for a sum."""
        return self.windows[0] if len(self.windows) == 1 and self.weights[0] == self.unit else None

    def amount(self, total: Number) -> Number:
        """The exact amount of a weighted total."""
        if self.unit == 1:
            return total
        # A power of ten: it moves the point and rounds nothing.
        return Decimal(total).scaleb(-WEIGHT_DECIMALS, _WIDE)

    def total(self, amount: Number) -> Number:
        """Undo `amount`."""
        if self.unit == 1:
            return amount
        total = Decimal(amount).scaleb(WEIGHT_DECIMALS, _WIDE)
        return int(total) if total == total.to_integral_value() else total


def parse_span(name: str) -> Asked:
    """Read the name of a span, of a window, or of a kind of window (`month`).

    Raises:
        UnknownWindow: it is the name of nothing.
        InvalidInput: it is an impossible span: ends the wrong way round, a half-life of zero, ...
    """
    if name in set(Window):
        return Window(name)
    if not name.isascii():  # \d would match other scripts' digits
        return _unknown(name)
    first, dots, last = name.partition("..")
    if dots:
        return _between(parse_window(first), parse_window(last))
    if match := _LAST.fullmatch(name):
        count, kind = int(match[1]), Window(match[2])
        if not count:
            raise InvalidInput(f"{name} is no time at all; ask for at least last-1-{kind}s.")
        return Last(count, kind)
    if match := _TRENDING.fullmatch(name):
        days = HALF_LIFE_DAYS if match[1] is None else int(match[1])
        if not 1 <= days <= MAX_HALF_LIFE_DAYS:
            raise InvalidInput(
                f"The half-life of {name} is {days:,} days; use 1 to {MAX_HALF_LIFE_DAYS}."
            )
        return Trending(days)
    return _unknown(name)


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
    cutter = _Cutter(tally, now, kinds, are)
    match asked:
        case Window():
            return cutter.one(find_window(asked, local_now))
        case NamedWindow():
            return cutter.one(asked)
        case Between(first, last):
            return cutter.between(first, last)
        case Trending(half_life):
            return cutter.trending(half_life, local_now)
        case Last(number, kind):
            if kind == Window.DAY:
                start = _back(local_now, timedelta(days=number - 1), number, "days")
            else:
                # Hours that have passed, however the wall clock was set meanwhile.
                moment = _back(now.astimezone(UTC), timedelta(hours=number - 1), number, "hours")
                start = moment.astimezone(zone).replace(tzinfo=None)
            ends = find_window(kind, start), find_window(kind, local_now)
            return cutter.between(*ends, asked=f"last-{number}-{kind}s")


@lru_cache
def weights_of(half_life_days: int) -> tuple[int, ...]:
    """The weights of trending: today's, yesterday's, and so on, in units of 1 / WEIGHT_UNITS.

    >>> weights_of(1)[:4]
    (1000000, 500000, 250000, 125000)
    """
    # 2 ** -(d / h) is the h-th root of 2 ** -d. Half of the whole part of its double, rounded up,
    # is the nearest whole number.
    h = half_life_days
    return tuple(
        (_root((2 * WEIGHT_UNITS) ** h >> days, h) + 1) // 2
        for days in range(CUT_OFF_HALF_LIVES * h)
    )


class _Cutter:
    def __init__(self, tally: Tally, now: datetime, kinds: Sequence[Window], are: str) -> None:
        self._tally = tally
        self._now = now
        self._kinds = kinds
        self._are = are

    def one(self, window: NamedWindow) -> Span:
        if window.kind not in self._kinds:
            there = ", ".join(self._kinds) or "none at all"
            what = "leaderboard" if self._are == "ranked" else "window"
            raise UnknownWindow(f"There is no {what} by {window.kind}; there is: {there}.")
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
            raise self._gone(last.kind, missing)
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
        if not self._is_kept(Window.DAY, days[-1]):
            raise self._gone(Window.DAY, days[-1])
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
                    and self._is_kept(kind, name)
                ):
                    names.append(name)
                    start = _end(kind, start)
                    break
            else:
                break
        return names, start

    def _is_kept(self, kind: Window, name: str) -> bool:
        if kind not in self._tally.retention:
            return True
        end = expiry(self._tally, name)
        return end is None or end > self._now

    def _lacks(self, kind: Window, name: str) -> UnknownWindow:
        have = ", ".join(self._kinds) or "none"
        declare = "`windows` and `ranked`" if self._are == "ranked" else "`windows`"
        return UnknownWindow(
            f"{name} cannot be made of the windows that are {self._are} ({have}); add {kind} to"
            f" {declare} of tally {self._tally.name!r}."
        )

    def _gone(self, kind: Window, name: str) -> InvalidInput:
        days = self._tally.retention[kind] / timedelta(days=1)
        return InvalidInput(
            f"{name} is no longer kept: retention_days of {kind} is {days:g}; ask for a later span."
        )


def _between(first: NamedWindow, last: NamedWindow) -> Between:
    name = f"{first.name}..{last.name}"
    if first.start is None or last.start is None:
        raise InvalidInput(f"{name} has an end that is no span; name days, months or years.")
    if first.kind != last.kind:
        raise InvalidInput(
            f"{name} goes from a {first.kind} to a {last.kind}; name two of one kind."
        )
    if last.start < first.start:
        raise InvalidInput(f"{first.name} comes after {last.name}; swap them.")
    return Between(first, last)


def _unknown(name: str) -> NamedWindow:
    try:
        return parse_window(name)
    except UnknownWindow:
        raise UnknownWindow(
            f"{shown(name)} names no window; use all, one like 2026, 2026-11, 2026-W48, 2026-11-23"
            " or 2026-11-23T14, or a span like 2026-11-01..2026-11-15, last-7-days or trending."
        ) from None


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


def _root(number: int, degree: int) -> int:
    """The whole part of a root."""
    # Newton's method on whole numbers, from above.
    found = 1 << -(-number.bit_length() // degree)
    while True:
        better = ((degree - 1) * found + number // found ** (degree - 1)) // degree
        if better >= found:
            return found
        found = better
