"""Moves: how often leaderboards by buckets have to change, by Zipf's law and the buckets.

A window begins empty and fills: over its life a group gets a number of records, in batches, and
goes from bucket to bucket. Poisson's law gives how many records reach a threshold, and how often a
batch jumps over a whole bucket; the tests compare the sum with the real apply.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise, takewhile
from math import erfc, exp, expm1, lgamma, log, sqrt

from tallies.core.boards.buckets import THRESHOLDS
from tallies.operate.plan.workload.popularity import bands

_STEPS_OF_TEN = 4
"""Sizes of batches and of lives that are computed; between them it is interpolated."""
_EXACT_UP_TO = 60
"""Beyond this, a normal law stands in for Poisson's."""
_HARDLY = 1e-9
"""A bucket that is reached with less than this chance, and those above it, are left out."""
_BUCKETS: Sequence[tuple[int, int]] = [
    (int(least), int(above) - int(least))
    for least, above in pairwise(THRESHOLDS)
    if 1 <= least < 10**18
]
"""(least, width) of each bucket of a count."""
_LEAST = [least for least, _ in _BUCKETS]


@dataclass(frozen=True, slots=True)
class Moves:
    """Of each record, on average over the life of one window."""

    entered: float
    """Rows that are new on the leaderboard."""
    moved: float
    """Rows that go to another bucket."""


class Life:
    """The life of a window on a leaderboard, as batches of any size see it."""

    def __init__(self, restaurants: int, skew: float, records: float) -> None:
        """The window gets this many records, none of which is taken back."""
        self._restaurants = restaurants
        self._skew = skew
        self._records = max(records, 1.0)
        self._step, self._part = _between(self._records)
        self._known: dict[int, Moves] = {}

    def moves(self, batch: float) -> Moves:
        """For batches of this many records."""
        low, share = _between(min(max(batch, 1.0), self._records))
        one, other = self._at(low), self._at(low + 1)
        return Moves(
            one.entered + share * (other.entered - one.entered),
            one.moved + share * (other.moved - one.moved),
        )

    def _at(self, step: int) -> Moves:
        known = self._known.get(step)
        if known is None:
            one, other = (
                _at(self._restaurants, self._skew, step, max(life, step))
                for life in (self._step, self._step + 1)
            )
            known = self._known[step] = Moves(
                one.entered + self._part * (other.entered - one.entered),
                one.moved + self._part * (other.moved - one.moved),
            )
        return known


def _between(number: float) -> tuple[int, float]:
    """The step below a number, and how far it is on the way to the next."""
    at = log(number, 10) * _STEPS_OF_TEN
    return int(at), at - int(at)


@cache
def _at(restaurants: int, skew: float, batch_step: int, life_step: int) -> Moves:
    return exactly(
        restaurants, skew, 10 ** (batch_step / _STEPS_OF_TEN), 10 ** (life_step / _STEPS_OF_TEN)
    )


def exactly(restaurants: int, skew: float, batch: float, life: float) -> Moves:
    """What a `Life` says, not interpolated."""
    entered = moved = 0.0
    met_by_band = _met(restaurants, skew, batch)
    reached_by_band = _reached(restaurants, skew, life)
    for (share, count), met, (certain, reached) in zip(
        _bands(restaurants, skew), met_by_band, reached_by_band, strict=True
    ):
        visits = met[certain]
        for index, chance in enumerate(reached, certain):
            visits += chance * (met[index + 1] - met[index])
        new = -expm1(-life * share)
        entered += count * new
        moved += count * max(0.0, visits - new)
    return Moves(entered / life, moved / life)


def _bands(restaurants: int, skew: float) -> Sequence[tuple[float, int]]:
    """Coarser than elsewhere: what is summed here is smooth, and takes long."""
    return bands(restaurants, skew, 30, 20)


@lru_cache(maxsize=64)
def _reached(restaurants: int, skew: float, life: float) -> Sequence[tuple[int, Sequence[float]]]:
    """For each band of restaurants: how many buckets a row is certain to reach in its life, and
    how likely each of the next ones is."""
    found = []
    for share, _ in _bands(restaurants, skew):
        mean = life * share
        certain = bisect_left(_LEAST, mean - _far(mean))
        chances = (_at_least(least, mean) for least in _LEAST[certain:])
        found.append((certain, list(takewhile(lambda chance: chance >= _HARDLY, chances))))
    return found


@lru_cache(maxsize=64)
def _met(restaurants: int, skew: float, batch: float) -> Sequence[Sequence[float]]:
    """For each band of restaurants: how many of the first buckets, none of them to all of them, a
    row meets on its way through them."""
    found = []
    for share, _ in _bands(restaurants, skew):
        jump = batch * share
        far = jump + _far(jump)  # what is wider is not jumped over
        lands = (_lands(jump, width) if width <= far else 1.0 for _, width in _BUCKETS)
        found.append(list(accumulate(lands, initial=0.0)))
    return found


def _lands(jump: float, width: int) -> float:
    """The chance that a row that goes up by Poisson numbers of this mean meets a stretch of this
    width: as in any renewal process, all but what is jumped over, on average."""
    missed = _at_least(width, jump) - width / jump * _at_least(width + 1, jump)
    return 1.0 - missed


def _far(mean: float) -> float:
    """A Poisson number is hardly ever this far from its mean: less than once in 10**8."""
    return 6 * sqrt(mean) + 8


def _at_least(least: int, mean: float) -> float:
    """The chance that a Poisson number is at least this."""
    if abs(mean - least) > _far(mean):
        return 1.0 if mean > least else 0.0
    if least > _EXACT_UP_TO or mean > 20 * _EXACT_UP_TO:
        if least <= 0:
            return 1.0
        return 0.5 * erfc((least - 0.5 - mean) / sqrt(2 * mean))
    if mean < least / 4:  # the tail itself: the complement would lose its digits
        term = exp(least * log(mean) - mean - lgamma(least + 1))
        total, at = 0.0, least
        while term > total * 1e-12:
            total += term
            at += 1
            term *= mean / at
        return total
    term = total = exp(-mean)
    for number in range(1, least):
        term *= mean / number
        total += term
    return max(0.0, 1.0 - total)
