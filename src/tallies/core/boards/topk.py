"""The top k of a weighted sum of leaderboards, found exactly without reading them whole.

The threshold algorithm: go down all the sorted lists together, look up the groups that turn up, and
stop when the k-th best total is at least the sum that the fronts of the lists still allow. (R.
Fagin, A. Lotem, M. Naor, "Optimal aggregation algorithms for middleware", Journal of Computer and
System Sciences 66, 2003.) Two savings, both from the same paper's bounds: a group is looked up only
while its known amounts leave it a chance, and only the lists that keep the threshold high are read
further.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Inexact, localcontext
from heapq import nsmallest
from typing import NamedTuple

from tallies.core.tally import Number


class Ranked(NamedTuple):
    """One line of a leaderboard."""

    group: str
    amount: Number


class Page(NamedTuple):
    """A request for more lines of one list."""

    of: int
    """Which of the lists."""
    after: Ranked | None
    """The last line that was read from it."""
    limit: int
    """How many lines. Fewer come only at the list's end."""


ReadOn = Callable[[Sequence[Page]], Sequence[Sequence[Ranked]]]
"""Gives the pages that are asked for: most first, ties by id, none of them zero."""

LookUp = Callable[[Sequence[str]], Mapping[str, Sequence[Number]]]
"""Gives the amounts of groups in every list, in the lists' order."""

FIRST_PAGE_LINES = 32
MAX_PAGE_LINES = 1000
LOOK_UP_GROUPS = 100
"""Groups that are looked up at a time; their totals may make the next look-ups unnecessary."""

# An amount has at most 38 digits, a weight 7, and a thousand of them are added.
_EXACT = Context(prec=100, traps=[Inexact])


def place(line: Ranked) -> tuple[Number, str]:
    """What leaderboards are sorted by: most first, ties by id.

    >>> sorted([Ranked("b", 1), Ranked("a", 1), Ranked("c", 2)], key=place)[0].group
    'c'
    """
    return -line.amount if isinstance(line.amount, int) else line.amount.copy_negate(), line.group


def weighted(weights: Sequence[int], amounts: Sequence[Number]) -> Number:
    """The exact sum of amounts times weights."""
    with localcontext(_EXACT):
        return _sum(w * a for w, a in zip(weights, amounts, strict=True))


def top_k(
    weights: Sequence[int],
    read_on: ReadOn,
    look_up: LookUp,
    limit: int,
    after: Ranked | None = None,
) -> list[Ranked]:
    """The first `limit` lines after `after` of the sum of all lists.

    Weights are above zero. A group that is in no list, or whose total is zero, has no line.
    """
    if limit < 1:
        return []
    with localcontext(_EXACT):
        return _Search(weights, read_on, look_up, limit, after).run()


def every_line(weights: Sequence[int], read_on: ReadOn) -> list[Ranked]:
    """All lines of the sum of all lists; the lists are read to their ends."""
    found: list[dict[str, Number]] = [{} for _ in weights]
    fronts: dict[int, Ranked | None] = dict.fromkeys(range(len(weights)))
    while fronts:
        asked = [Page(index, front, MAX_PAGE_LINES) for index, front in fronts.items()]
        for page, lines in zip(asked, read_on(asked), strict=True):
            # A group that sinks while we read is met twice; the last amount counts.
            found[page.of].update(lines)
            if len(lines) < page.limit:
                del fronts[page.of]
            else:
                fronts[page.of] = lines[-1]
    totals: dict[str, Number] = {}
    with localcontext(_EXACT):
        for weight, amounts in zip(weights, found, strict=True):
            for group, amount in amounts.items():
                totals[group] = totals.get(group, 0) + weight * amount
    return sorted((Ranked(*pair) for pair in totals.items() if pair[1]), key=place)


class _Search:
    def __init__(
        self,
        weights: Sequence[int],
        read_on: ReadOn,
        look_up: LookUp,
        limit: int,
        after: Ranked | None,
    ) -> None:
        self._weights = weights
        self._read_on = read_on
        self._look_up = look_up
        self._limit = limit
        self._after = None if after is None else place(after)
        self._fronts: dict[int, Ranked | None] = dict.fromkeys(range(len(weights)))
        """The lists that have not ended, and their last lines so far."""
        self._lines = [min(max(FIRST_PAGE_LINES, limit), MAX_PAGE_LINES)] * len(weights)
        """Lines of the next page of each list."""
        self._seen: dict[str, dict[int, Number]] = {}
        """Groups whose total is not known yet: list -> weighted amount."""
        self._totals: dict[str, Number] = {}

    def run(self) -> list[Ranked]:
        while True:
            self._read()
            best = self._settle()
            if not self._fronts or self._is_final(best):
                return best

    def _read(self) -> None:
        bounds = {index: self._bound(index) for index in self._fronts}
        # At least one list is at or above the mean: the threshold falls in every round.
        mean = _sum(bounds.values())
        asked = [
            Page(index, front, self._lines[index])
            for index, front in self._fronts.items()
            if front is None or bounds[index] * len(bounds) >= mean
        ]
        for page, lines in zip(asked, self._read_on(asked), strict=True):
            for line in lines:
                if line.group not in self._totals:
                    amounts = self._seen.setdefault(line.group, {})
                    amounts[page.of] = self._weights[page.of] * line.amount
            if len(lines) < page.limit:
                del self._fronts[page.of]
            else:
                self._fronts[page.of] = lines[-1]
                self._lines[page.of] = min(2 * page.limit, MAX_PAGE_LINES)

    def _bound(self, index: int) -> Number:
        """The most that a list can still add to a group that has not been met in it."""
        front = self._fronts.get(index)
        # A list that does not have a group adds zero to it, never less.
        return 0 if front is None else max(0, self._weights[index] * front.amount)

    def _settle(self) -> list[Ranked]:
        """Look up the totals of all groups that could be among the best; return the best."""
        bounds = {index: self._bound(index) for index in self._fronts}
        threshold = _sum(bounds.values())
        hopes: list[Ranked] = []
        for group, amounts in self._seen.items():
            # Its known amounts, and the most that the other lists could add.
            most = threshold + _sum(a - bounds.get(index, 0) for index, a in amounts.items())
            if bounds.keys() <= amounts.keys():
                self._totals[group] = most
            else:
                hopes.append(Ranked(group, most))
        for group in self._totals.keys() & self._seen.keys():
            del self._seen[group]
        best = self._best()
        hopes.sort(key=place)
        size = max(self._limit, LOOK_UP_GROUPS)
        for start in range(0, len(hopes), size):
            some = [
                hope.group for hope in hopes[start : start + size] if self._has_hope(hope, best)
            ]
            if not some:
                break
            for group, found in self._look_up(some).items():
                total = _sum(w * a for w, a in zip(self._weights, found, strict=True))
                self._totals[group] = total
                del self._seen[group]
            best = self._best()
        return best

    def _has_hope(self, most: Ranked, best: Sequence[Ranked]) -> bool:
        return len(best) < self._limit or place(most) < place(best[-1])

    def _best(self) -> list[Ranked]:
        lines = (Ranked(*pair) for pair in self._totals.items() if pair[1])
        if self._after is not None:
            passed = self._after
            lines = (line for line in lines if place(line) > passed)
        return nsmallest(self._limit, lines, key=place)

    def _is_final(self, best: Sequence[Ranked]) -> bool:
        """Whether no group that has not been met can be among the best."""
        if len(best) < self._limit:
            return False
        holding = [index for index in self._fronts if self._bound(index)]
        threshold = _sum(map(self._bound, holding))
        last = best[-1]
        if last.amount != threshold:
            return last.amount > threshold
        # A group that has not been met and has exactly the threshold comes after all fronts, and so
        # ties with the last one by a later id than each of theirs.
        return any(last.group <= front.group for i in holding if (front := self._fronts[i]))


def _sum(numbers: Iterable[Number]) -> Number:
    total: Number = 0
    for number in numbers:
        total += number
    return total
