"""What a question to a tally names, read and checked: groups, windows, histories."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from tallies.core.boards.spans import Span
from tallies.core.boards.tiling import find_span
from tallies.core.errors import InvalidInput, Unfoldable, UnknownWindow, counted
from tallies.core.groups import group_text
from tallies.core.ids import check_characters
from tallies.core.retention import gone, is_kept
from tallies.core.tally import Tally
from tallies.core.windows import (
    NamedWindow,
    Window,
    find_window,
    parse_window,
    window_name,
    windows_between,
)

MAX_POINTS = 1000
"""The most windows of one history."""
DEFAULT_SPAN = {
    Window.YEAR: timedelta(days=9 * 366),
    Window.MONTH: timedelta(days=335),
    Window.WEEK: timedelta(weeks=51),
    Window.DAY: timedelta(days=29),
    Window.HOUR: timedelta(hours=23),
}
"""How far back from its end a history begins, unless the question says so."""

By = Literal["day", "month", "year", "week", "hour"]
"""The kinds of windows that a history goes by."""


class Stretch(NamedTuple):
    """The windows of a history: all of one kind from the first to the last."""

    kind: Window
    names: Sequence[str]


def group_of(tally: Tally, values: Sequence[Any]) -> str:
    """The text of the group that has these values, one for each attribute in the order declared.

    Raises:
        InvalidInput: there are too few or too many, or one can be no value of a group.
    """
    if len(values) != len(tally.labels):
        raise InvalidInput(_how_many(tally))
    for label, value in zip(tally.labels, values, strict=True):
        if value == "":
            raise InvalidInput(f"The {_in_words(label)} is empty; give one.")
        if isinstance(value, str):
            check_characters(value, _in_words(label))
    try:
        return group_text(values)
    except Unfoldable as error:
        raise InvalidInput(str(error)) from None


def groups_of(tally: Tally, groups: Sequence[Sequence[Any]]) -> list[str]:
    """Like `group_of`, for several.

    Raises:
        InvalidInput: one is invalid; the error says which.
    """
    found = []
    for number, values in enumerate(groups, 1):
        try:
            found.append(group_of(tally, values))
        except InvalidInput as error:
            raise InvalidInput(f"Group {number}: {error}") from None
    return found


def ranked_span(tally: Tally, name: str, now: datetime) -> Span:
    """The window or span of a leaderboard.

    Raises:
        UnknownWindow: it is the name of nothing, or the tally has no leaderboards that make it up.
        InvalidInput: it cannot be answered: of too many windows, no longer kept, ...
    """
    return find_span(name, tally, now)


def current_windows(tally: Tally, now: datetime) -> list[str]:
    """The windows that hold now, one of each kind that the tally keeps."""
    local = _local(tally, now)
    return [window_name(kind, local) for kind in tally.windows]


def kept_windows(tally: Tally, names: Sequence[str], now: datetime) -> list[str]:
    """The windows of these names, in their order; a kind (`month`) means the current one.

    Raises:
        UnknownWindow: one is the name of nothing, or of a kind that the tally does not keep.
        InvalidInput: one is no longer kept.
    """
    local = _local(tally, now)
    found = []
    for name in names:
        window = find_window(name, local)
        check_kind(window.kind, tally.windows)
        if not is_kept(tally, window.name, now):
            raise gone(tally, window.name)
        found.append(window.name)
    return list(dict.fromkeys(found))


def check_kind(kind: str, kept: Sequence[Window]) -> None:
    """Check that a kind of windows is one of those that a tally keeps.

    Raises:
        UnknownWindow: it is not.
    """
    if kind not in kept:
        there = ", ".join(kept) or "none but all"
        raise UnknownWindow(f"The tally keeps no windows by {kind}; it keeps {there}.")


def stretch(
    tally: Tally,
    by: str | None,
    first: str | None,
    last: str | None,
    now: datetime,
    most: int | None = MAX_POINTS,
) -> Stretch:
    """The windows of a history; by day where nothing is said and the tally keeps days.

    It has at most so many windows, or any number for None.

    Raises:
        UnknownWindow: an end is no window of the kind `by`, or the tally keeps none of that kind.
        InvalidInput: the ends are the wrong way round, or too far apart.
    """
    dated = [kind for kind in tally.windows if kind is not Window.ALL]
    kind = by or (Window.DAY if Window.DAY in dated else (dated or [Window.DAY])[0])
    check_kind(kind, dated)
    kind = Window(kind)
    end = _of_kind(last, kind) or find_window(kind, _local(tally, now))
    start = _of_kind(first, kind) or _back(end, kind)
    names = list(islice(windows_between(start, end), most and most + 1))
    if not names:
        raise InvalidInput(f"from {start.name} comes after to {end.name}; swap them.")
    if most and len(names) > most:
        raise InvalidInput(f"The span has more than {most} points; ask for less.")
    return Stretch(kind, names)


def _how_many(tally: Tally) -> str:
    if not tally.labels:
        return "Give no value: the tally is the total of its table."
    return f"Give {counted(len(tally.labels), 'value')}: {', '.join(tally.labels)}."


def _in_words(label: str) -> str:
    """An attribute's name as a sentence has it: `restaurant_id` is a restaurant id."""
    name = label.removesuffix("_id")
    return f"{name} id" if name and name != label else label


def _local(tally: Tally, now: datetime) -> datetime:
    return now.astimezone(UTC if tally.zone == "UTC" else ZoneInfo(tally.zone))


def _of_kind(name: str | None, kind: Window) -> NamedWindow | None:
    if name is None:
        return None
    window = parse_window(name)
    if window.kind != kind:
        raise UnknownWindow(f"{name!r} is no {kind}; from and to name windows of that kind.")
    return window


def _back(end: NamedWindow, kind: Window) -> NamedWindow:
    assert end.start is not None  # noqa: S101 - only `all` has no start, and no history
    try:
        return parse_window(window_name(kind, end.start - DEFAULT_SPAN[kind]))
    except OverflowError:
        return end
