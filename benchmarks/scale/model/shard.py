"""One shard of the source's stream: records arrive, and Lambda forms batches of them."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from benchmarks.scale.facts import PARTITION_UNITS, PAYLOAD_BYTES, POLL_SECONDS, RECORD_BYTES
from benchmarks.scale.model.popularity import Floats
from benchmarks.scale.settings import Settings


def shards_of(writes_a_second: float, settings: Settings) -> int:
    """Partitions of the source table, and so shards of its stream.

    It is on demand, and takes more at once than it ever had: so its partitions, which each take
    their limit and split in two, are that many at least. A favorite weighs one unit, and keys hash
    evenly, since every favorite has a key of its own.
    """
    shards = settings.least_shards
    while settings.headroom * writes_a_second / shards > PARTITION_UNITS.value:
        shards *= 2
    return shards


class Formed(NamedTuple):
    """A batch, as Lambda hands it over."""

    at: float
    """When the invocation starts, in seconds."""
    arrivals: Floats
    """When each of its records was written."""


class Shard:
    """Records that arrive at random, at an even rate, and wait to be taken in their order."""

    def __init__(
        self,
        settings: Settings,
        writes_a_second: float,
        random: Generator,
        poll_seconds: float = POLL_SECONDS.value,
        number: int = 0,
    ) -> None:
        self.number = number
        self._poll_seconds = poll_seconds
        self._rate = writes_a_second
        self._random = random
        self._seconds = settings.batching_seconds
        self._most = min(settings.batch_size, int(PAYLOAD_BYTES.value // RECORD_BYTES.value))
        self._waiting: Floats = np.empty(0)
        self._last = 0.0

    def next_batch(self, free_at: float) -> Formed:
        """The batch of the next invocation, when the one before has ended at `free_at`.

        One invocation at a time, as a parallelization factor of 1 has it. A batch is complete when
        its window, which begins when its first record is read, is over, or when it is full. While
        an invocation runs, what follows is gathered.
        """
        self._arrive(until=0.0)
        read = self._waiting[0] + self._random.uniform(0, self._poll_seconds)
        at = max(free_at, read + self._seconds)
        self._arrive(until=at)
        if len(self._waiting) >= self._most:
            at = min(at, max(free_at, read, self._waiting[self._most - 1]))
        taken = min(self._most, int(np.searchsorted(self._waiting, at, side="right")))
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return Formed(float(at), batch)

    def _arrive(self, until: float) -> None:
        """Let records arrive: at least one, up to a moment, or to as many as a batch takes."""
        while not len(self._waiting) or (self._last < until and len(self._waiting) < self._most):
            more = self._random.exponential(1 / self._rate, size=self._chunk(until))
            times = self._last + np.cumsum(more)
            self._last = float(times[-1])
            self._waiting = np.concatenate([self._waiting, times])

    def _chunk(self, until: float) -> int:
        expected = max(0.0, until - self._last) * self._rate
        return int(min(self._most, 1.1 * expected + 8))
