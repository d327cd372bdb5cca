"""The answers to questions about a tally: plain content, for JSON, live events and caches.

Groups are named by their attributes and amounts by their measures, so that an answer reads like
a row: `{"rank": 1, "city": "Rome", "orders": 12}`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tallies.core.amounts import number_of
from tallies.core.boards.spans import Span
from tallies.core.boards.topk import Ranked
from tallies.core.errors import InvalidCursor, InvalidInput
from tallies.core.groups import named_values
from tallies.core.tally import Tally
from tallies.core.windows import Window
from tallies.http.questions.cursors import BROKEN, read_cursor, write_cursor
from tallies.http.service.exact import plain
from tallies.stores.protocol import Tallies
from tallies.stores.questions import Line, among, leaders, neighbours, numbered

Content = dict[str, Any]
_AMOUNT = re.compile(r"-?[0-9]{1,29}(\.[0-9]{1,9})?")  # what a store holds
_WEIGHTED = re.compile(r"-?[0-9]{1,29}(\.[0-9]{1,15})?")

Naming = Callable[[Tally, str], Mapping[str, Any]]
"""Gives a group's part of an answer, by the tally and the text of the group."""


def description(name: str, of: Tally) -> Content:
    """A tally as it is declared."""
    return {
        "name": name,
        "group_by": list(of.labels),
        "measures": list(of.measures),
        "windows": list(of.windows),
        "ranked": list(of.ranked),
        "ranked_by": of.ranked_by,
        "zone": of.zone,
    }


def tallies_of(tallies: Tallies, groups: Sequence[str], windows: Sequence[str]) -> list[Content]:
    """The measures of groups in the named windows."""
    of = tallies.of
    found = tallies.measures(groups, windows)
    return [
        {
            **by_names_and_values(of, group),
            "windows": {window: _plain(values) for window, values in found[group].items()},
        }
        for group in groups
    ]


def history_of(tallies: Tallies, group: str, kind: Window, names: Sequence[str]) -> Content:
    """The measures of a group in all of these windows, which follow each other."""
    found = dict(tallies.measures_between(group, kind, names[0], names[-1]))
    nothing = tallies.of.nothing
    return {
        "points": [{"window": window, **_plain(found.get(window, nothing))} for window in names]
    }


def leaderboard(
    tallies: Tallies,
    span: Span,
    limit: int,
    *,
    cursor: str | None = None,
    offset: int = 0,
    naming: Naming,
) -> Content:
    """A page of a leaderboard, and the cursor of the next. Ranks continue from page to page.

    Raises:
        InvalidCursor: the cursor was issued for another list.
        InvalidInput: the offset is too far down, or given with a cursor.
    """
    if cursor is not None and offset:
        raise InvalidInput("A cursor goes on where its page ended; leave offset out.")
    of = tallies.of
    about = f"leaderboard of {of.name}, {span.name}"
    start, before = (offset, None) if cursor is None else _position(cursor, about, span)
    # One more than asked for tells whether there is a next page.
    found = leaders(tallies, span, limit + 1, before, offset=0 if before else offset)
    lines = numbered(found[:limit], start + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = last and write_cursor(about, (start + limit, f"{last.amount:f}", last.group))
    return {"window": span.name, "items": places(of, lines, naming), "next": following}


def order_among(tallies: Tallies, span: Span, groups: Sequence[str], *, naming: Naming) -> Content:
    """Those of the given groups that are on a leaderboard, in its order, numbered among themselves.

    Raises:
        InvalidInput: there are too many groups, or one is there twice.
    """
    lines = among(tallies, span, groups)
    return {"window": span.name, "items": places(tallies.of, lines, naming), "next": None}


def place_of(
    tallies: Tallies, span: Span, group: str, around: int, *, naming: Naming
) -> Content | None:
    """The place of a group on a leaderboard and its neighbours; None where it has none."""
    found = neighbours(tallies, span, group, around)
    if found is None:
        return None
    of = tallies.of
    return {
        "window": span.name,
        **naming(of, group),
        "rank": found.rank,
        "of": found.of,
        str(of.ranked_by): plain(found.amount),
        "items": places(of, found.lines, naming),
    }


def places(of: Tally, lines: Sequence[Line], naming: Naming) -> list[Content]:
    """Lines of a leaderboard."""
    return [
        {"rank": line.rank, **naming(of, line.group), str(of.ranked_by): plain(line.amount)}
        for line in lines
    ]


def by_names(of: Tally, group: str) -> dict[str, str]:
    """A group as its values by the names of its attributes."""
    return named_values(of.labels, group)


def by_names_and_values(of: Tally, group: str) -> dict[str, Any]:
    """The same, and `group`: only the values, in the order declared, for further questions."""
    named = by_names(of, group)
    return {**named, "group": list(named.values())}


def _plain(values: Mapping[str, Any]) -> Content:
    return {name: plain(value) for name, value in values.items()}


def _position(cursor: str, about: str, span: Span) -> tuple[int, Ranked]:
    """How many lines came before a page, and the last of them."""
    values = read_cursor(cursor, about, (int, str, str)) or []
    passed, amount, group = values
    shape = _AMOUNT if span.unit == 1 else _WEIGHTED
    if not shape.fullmatch(str(amount)):
        raise InvalidCursor(BROKEN)
    return int(passed), Ranked(str(group), number_of(str(amount)))
