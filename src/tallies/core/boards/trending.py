"""Trending: how much each day up to now weighs, computed exactly.

Trending is the count of each day, times one half for each half-life that has passed since:
2 ** -(days / half-life), to whole days, so that all of today weighs 1. Weights are whole
millionths, rounded to the nearest, and those from ten half-lives on are zero. The sums are exact.
"""

from functools import lru_cache

from tallies.core.boards.spans import CUT_OFF_HALF_LIVES, WEIGHT_UNITS


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


def _root(number: int, degree: int) -> int:
    """The whole part of a root."""
    # Newton's method on whole numbers, from above.
    found = 1 << -(-number.bit_length() // degree)
    while True:
        better = ((degree - 1) * found + number // found ** (degree - 1)) // degree
        if better >= found:
            return found
        found = better
