"""Batches: how the records of a shard arrive at the aggregator in the course of a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, exp

from tallies.operate.plan.workload.load import Load

SECONDS_OF_AN_HOUR = 3600
PARTITION_UNITS = 1_000
"""Write units a second of one partition."""
FIRST_PARTITIONS = 4
"""A new table on demand takes 4,000 write units a second, so it has four partitions (inferred);
each has a shard of its own in the stream."""
SOURCE_UNITS = 1
"""Write units of a mark or unmark of up to 1 KB in the source."""
RECORD_BYTES = 600
MAX_EVENT_BYTES = 6_000_000
_FEW = 60
"""Up to this many records, the spread of a batch's size is taken into account."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How records are gathered before they are applied."""

    window_seconds: float
    """The longest time that the first record of a batch waits."""
    batch_size: float
    pause_seconds: float = 0.0
    """Between the polls of a shard that has nothing."""

    @property
    def largest(self) -> float:
        return min(self.batch_size, MAX_EVENT_BYTES / RECORD_BYTES)


@dataclass(frozen=True, slots=True)
class Day:
    """Sums over one day and all shards."""

    batches: float
    value: float
    """The sum of the requested value over all batches."""
    largest: float
    """Records of the mean batch in the busiest hour."""
    wait_seconds: float
    """Mean time that a record waits to be gathered."""
    by_hour: Sequence[float]
    """The value, hour by hour."""


def shards(load: Load) -> int:
    """Open shards of the source's stream."""
    peak = max(load.rates()) * SOURCE_UNITS * (1 + load.removals)
    return max(FIRST_PARTITIONS, ceil(peak / PARTITION_UNITS))


def a_day(load: Load, batching: Batching, of_batch: Callable[[float], float]) -> Day:
    """Simulate a day, hour by hour; `of_batch` gives the value of a batch of this many records."""
    count = shards(load)
    of_batch = cache(of_batch)  # small batches come again hour by hour
    batches = waited = largest = 0.0
    by_hour: list[float] = []
    for total in load.rates():
        rate = total / count
        if not rate:  # a log of one busy hour leaves nothing for the other end of the day
            by_hour.append(0.0)
            continue
        # The first record opens the window; records that come until it closes join it.
        joined = min(rate * batching.window_seconds, batching.largest - 1)
        if rate * batching.window_seconds > batching.largest - 1:
            every = batching.largest / rate
        else:
            every = batching.window_seconds + 1 / rate
        in_hour = SECONDS_OF_AN_HOUR / every * count
        batches += in_hour
        by_hour.append(in_hour * _mean(joined, of_batch))
        largest = max(largest, 1 + joined)
        lasted = min(batching.window_seconds, (batching.largest - 1) / rate)
        waited += total * (lasted * (1 + joined / 2)) / (1 + joined)
    return Day(batches, sum(by_hour), largest, waited / sum(load.rates()), by_hour)


def _mean(joined: float, of_batch: Callable[[float], float]) -> float:
    """The mean over batches of one record and a random number more."""
    if joined > _FEW:
        return of_batch(1 + joined)
    chance = exp(-joined)
    total = seen = 0.0
    for more in range(int(joined + 8 * (joined + 1) ** 0.5) + 2):
        total += chance * of_batch(1 + more)
        seen += chance
        chance *= joined / (more + 1)
    return total / seen
