"""Groups, how popular each is, and where the product's own rules put them."""

from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tallies.stores.dynamodb.apply.progress import group_lane
from tallies.stores.dynamodb.rows.ranking import ranking_key

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Popularity:
    """Groups numbered by popularity, the hottest first; drawn by Zipf's law."""

    def __init__(self, groups: int, exponent: float) -> None:
        weights = np.arange(1, groups + 1, dtype=np.float64) ** -exponent
        self.shares: Floats = weights / weights.sum()
        self._cumulated = np.cumsum(self.shares)
        self.place: Ints = _places(groups)
        """Each group's rank in the order of lanes, in which transactions are cut."""
        self.at_place: Ints = np.argsort(self.place)

    def draw(self, random: Generator, count: int) -> Ints:
        """Groups of that many records."""
        drawn = np.searchsorted(self._cumulated, random.random(count), side="right")
        # The last sum may be a hair below one.
        return np.minimum(drawn, len(self.shares) - 1).astype(np.int64)


@cache
def popularity(groups: int, exponent: float) -> Popularity:
    """The same for all runs: it takes a second for a million groups."""
    return Popularity(groups, exponent)


@cache
def _lanes(groups: int) -> list[str]:
    return [group_lane(group_id(number)) for number in range(groups)]


@cache
def _places(groups: int) -> Ints:
    places = np.empty(groups, dtype=np.int64)
    places[np.argsort(np.array(_lanes(groups)))] = np.arange(groups)
    return places


@cache
def ranking_shard_of(groups: int, shards: int) -> Ints:
    """The partition of the ranking index that each group's rows of one window are in."""
    if shards == 1:
        return np.zeros(groups, dtype=np.int64)
    keys = (ranking_key("all", lane, shards) for lane in _lanes(groups))
    return np.fromiter((int(key.rpartition("#")[2]) for key in keys), np.int64, groups)


def group_id(number: int) -> str:
    """The id of the group of that rank."""
    return f"restaurant-{number:07d}"
