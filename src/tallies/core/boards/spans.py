"""Spans: what a leaderboard may cover besides one window, as a weighted sum of windows.

A span is named `2026-11-01..2026-11-15` (both ends included; two days, months, years, weeks or
hours), `last-7-days` (today included), `last-24-hours` (this hour included), `trending`, or
`trending-7-days`, all on the clocks of the tally's zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from re import compile as pattern
from typing import NamedTuple

from tallies.core.errors import InvalidInput, UnknownWindow, shown
from tallies.core.tally import Number
from tallies.core.windows import NamedWindow, Window, parse_window

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
