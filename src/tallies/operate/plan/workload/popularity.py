"""Popularity: the shares of restaurants by Zipf's law, in bands of ranks."""

from functools import cache

EXACT_RANKS = 100
"""Beyond this, ranks are grouped in bands."""
BANDS = 50
"""A band is as wide as its first rank divided by this: two percent."""


@cache
def bands(
    restaurants: int, skew: float, exact: int = EXACT_RANKS, parts: int = BANDS
) -> tuple[tuple[float, int], ...]:
    """(share of each, how many) of the restaurants, the hottest first."""
    bands: list[tuple[float, int]] = []
    rank = 1
    while rank <= restaurants:
        width = 1 if rank < exact else max(1, rank // parts)
        width = min(width, restaurants - rank + 1)
        middle = rank + (width - 1) / 2
        bands.append((middle**-skew, width))
        rank += width
    total = sum(weight * count for weight, count in bands)
    return tuple((weight / total, count) for weight, count in bands)
