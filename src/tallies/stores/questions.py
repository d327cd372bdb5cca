"""Questions about windows and spans, answered from what any store offers.

A span's leaders come from the sorted leaderboards of its windows, by the threshold algorithm; the
order among given groups from their amounts. What needs the whole order of a span (the place of a
group in it, all of its lines) reads every line of its windows.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tallies.core.boards.spans import Span
from tallies.core.boards.topk import Page, Ranked, every_line, place, top_k, weighted
from tallies.core.errors import InvalidInput, shown
from tallies.core.tally import Number
from tallies.stores.protocol import MAX_GROUPS, MAX_OFFSET, BoardPage, Rank, Tallies

MAX_AMOUNTS = 100_000
"""The most amounts that are looked up for one question: groups times windows."""

MAX_AROUND = 100
"""The most neighbours on each side of a group."""


class Line(NamedTuple):
    """One line of an answer."""

    rank: int
    group: str
    amount: Number


class Neighbours(NamedTuple):
    """A group on a leaderboard, and the lines around its own."""

    rank: int
    of: int
    amount: Number
    lines: Sequence[Line]


def leaders(
    tallies: Tallies, span: Span, limit: int, after: Ranked | None = None, *, offset: int = 0
) -> list[Ranked]:
    """The groups of a span, most first, ties by id; after a line, or after `offset` lines.

    Raises:
        InvalidInput: the offset is too large.
    """
    if offset > MAX_OFFSET:
        raise InvalidInput(
            f"The offset is {offset:,}, at most {MAX_OFFSET:,} is allowed; go on with a cursor."
        )
    if span.window is not None:
        return tallies.leaderboard(span.window, limit, after, offset=offset)
    before = None if after is None else Ranked(after.group, span.total(after.amount))
    with tallies.as_of_now() as now:
        boards = _Boards(now, span)
        upto = offset + limit
        found = top_k(span.weights, boards.read_on, boards.look_up, upto, before)
    return boards.amounts(found[offset:])


def every_leader(tallies: Tallies, span: Span) -> list[Ranked]:
    """All groups of a span, most first, ties by id. Reads all lines of its windows."""
    with tallies.as_of_now() as now:
        boards = _Boards(now, span)
        return boards.amounts(every_line(span.weights, boards.read_on))


def among(tallies: Tallies, span: Span, groups: Sequence[str]) -> list[Line]:
    """Those of the groups that are on the leaderboard of a span, in its order.

    They are numbered among themselves. No leaderboard is read, only the groups' own rows.

    Raises:
        InvalidInput: there are too many groups, or one is there twice.
    """
    check_groups(groups, len(span.windows))
    found = tallies.many(groups, span.windows)
    totals = (
        Ranked(group, weighted(span.weights, [amounts[window] for window in span.windows]))
        for group, amounts in found.items()
    )
    lines = sorted((line for line in totals if line.amount), key=place)
    return numbered([Ranked(group, span.amount(total)) for group, total in lines])


def neighbours(tallies: Tallies, span: Span, group: str, around: int) -> Neighbours | None:
    """The place of a group in a span, and up to `around` lines on both sides of its own.

    None where the group has no place. The order is that of `leaders`.
    """
    with tallies.as_of_now() as now:
        if span.window is None:
            return _neighbours_in_a_sum(now, span, group, around)
        found = now.rank(span.window, group)
        if found is None:
            return None
        own = Ranked(group, found.amount)
        above = now.above(span.window, own, around) if around else []
        below = now.leaderboard(span.window, around, own) if around else []
    lines = numbered([*above, own, *below], found.rank - len(above))
    return Neighbours(*found, lines)


def numbered(lines: Sequence[Ranked], first: int = 1) -> list[Line]:
    """Lines with their ranks, which begin with `first`."""
    return [Line(rank, *line) for rank, line in enumerate(lines, first)]


def check_groups(groups: Sequence[str], windows: int = 1, what: str = "group") -> None:
    """Check that a question is about a permitted number of groups, each of them once.

    Raises:
        InvalidInput: it is not.
    """
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise InvalidInput(f"There are {len(groups):,} {what}s; give 1 to {MAX_GROUPS:,}.")
    if len(groups) * windows > MAX_AMOUNTS:
        raise InvalidInput(
            f"{len(groups):,} {what}s in {windows:,} windows each are more than {MAX_AMOUNTS:,}"
            " numbers; ask for fewer at a time."
        )
    seen: set[str] = set()
    for group in groups:
        if group in seen:
            raise InvalidInput(f"The {what} {shown(group)} is there twice; give each one once.")
        seen.add(group)


def _neighbours_in_a_sum(
    tallies: Tallies, span: Span, group: str, around: int
) -> Neighbours | None:
    every = every_leader(tallies, span)
    for index, line in enumerate(every):
        if line.group == group:
            first = max(0, index - around)
            lines = numbered(every[first : index + around + 1], first + 1)
            return Neighbours(*Rank(index + 1, len(every), line.amount), lines)
    return None


class _Boards:
    """The leaderboards of a span's windows, as the threshold algorithm asks for them."""

    def __init__(self, tallies: Tallies, span: Span) -> None:
        self._tallies = tallies
        self._span = span

    def read_on(self, asked: Sequence[Page]) -> Sequence[Sequence[Ranked]]:
        windows = self._span.windows
        return self._tallies.leaderboards(
            [BoardPage(windows[page.of], page.limit, page.after) for page in asked]
        )

    def look_up(self, groups: Sequence[str]) -> Mapping[str, Sequence[Number]]:
        windows = self._span.windows
        found = self._tallies.many(groups, windows)
        return {group: [its[window] for window in windows] for group, its in found.items()}

    def amounts(self, totals: Sequence[Ranked]) -> list[Ranked]:
        """Lines with weighted totals, as lines with the amounts that those stand for."""
        return [Ranked(group, self._span.amount(total)) for group, total in totals]
