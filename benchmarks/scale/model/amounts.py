"""What rows hold, and which bucket each is in: the product's own thresholds."""

import numpy as np
from numpy.random import Generator

from benchmarks.scale.facts import POSITION_BYTES, REMEMBERED_ROWS, ROW_BYTES, UNIT_BYTES
from benchmarks.scale.model.popularity import Bools, Floats, Ints, Popularity
from benchmarks.scale.settings import Settings
from tallies.core.boards.buckets import THRESHOLDS

DAY_SECONDS, MONTH_SECONDS, YEAR_SECONDS = 86_400.0, 30 * 86_400.0, 365 * 86_400.0
_LEAST_AMOUNTS: Ints = np.array([each for each in THRESHOLDS if 1 <= each < 2**62], dtype=np.int64)
"""Of each bucket of a count; the first is that of 1."""


def bucket_number(amounts: Ints) -> Ints:
    """The bucket that each amount lies in, counted from below; 0 where there is nothing."""
    return np.searchsorted(_LEAST_AMOUNTS, amounts, side="right").astype(np.int64)


class Amounts:
    """The rows of all groups, window by window, the finest window first.

    Row `window * groups + group` is that of a group in a window.
    """

    def __init__(
        self,
        settings: Settings,
        popularity: Popularity,
        writes_a_second: float,
        shards: int,
        random: Generator,
    ) -> None:
        """Each window has been written to for so long, at the same rate."""
        self._shards = shards
        ages = [settings.day_seconds, MONTH_SECONDS / 2, YEAR_SECONDS]
        ages += [YEAR_SECONDS] * settings.windows
        expected = [popularity.shares * writes_a_second * age for age in ages[: settings.windows]]
        self.amount: Ints = random.poisson(np.concatenate(expected)).astype(np.int64)
        self.bucket: Ints = bucket_number(self.amount)
        self._writer: Ints = np.full(len(self.amount), -1)
        self._written_at: Ints = np.zeros(len(self.amount), dtype=np.int64)
        self._written: Ints = np.zeros(shards, dtype=np.int64)

    def add(self, rows: Ints, added: Ints) -> None:
        """Add to rows. Those that are new come into their buckets, the others stay in theirs."""
        new = self.amount[rows] == 0
        self.amount[rows] += added
        self.bucket[rows[new]] = bucket_number(added[new])

    def knows(self, shard: int, rows: Ints) -> Bools:
        """Which rows a shard's function knows: it wrote them last, and not too many since."""
        since = self._written[shard] - self._written_at[rows]
        found: Bools = (self._writer[rows] == shard) & (since < REMEMBERED_ROWS.value)
        return found

    def wrote(self, shard: int, rows: Ints) -> None:
        """Have a shard's function know what rows hold."""
        self._writer[rows] = shard
        self._written_at[rows] = self._written[shard]
        self._written[shard] += len(rows)

    def is_wrong(self, rows: Ints) -> Bools:
        """Which rows are not in the bucket that their amount lies in."""
        found: Bools = self.bucket[rows] != bucket_number(self.amount[rows])
        return found

    def units(self, rows: Ints) -> Floats:
        """Write units of each row, which holds a position for each shard that it has records of."""
        if ROW_BYTES.value + self._shards * POSITION_BYTES.value <= UNIT_BYTES.value:
            return np.ones(len(rows))
        amounts = np.maximum(self.amount[rows], 1)
        positions = -self._shards * np.expm1(amounts * np.log1p(-1 / self._shards))
        size = ROW_BYTES.value + positions * POSITION_BYTES.value
        units: Floats = np.ceil(size / UNIT_BYTES.value)
        return units
