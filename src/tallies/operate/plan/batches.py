"""Batches: how the records of a shard arrive at the aggregator in the course of a day."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp

from tallies.operate.plan.load import Load

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
"""Up to so many records, a batch's size is taken with its spread."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """How records are gathered before they are applied."""

    window_seconds: float
    """The longest that the first record of a batch waits."""
    batch_size: float
    pause_seconds: float = 0.0
    """Between the looks at a shard that has nothing."""

    @property
    def largest(self) -> float:
        return min(self.batch_size, MAX_EVENT_BYTES / RECORD_BYTES)


@dataclass(frozen=True, slots=True)
class Day:
    """Sums over one day and all shards."""

    batches: float
    value: float
    """Of whatever was asked for, over all batches."""
    largest: float
    """Records of the mean batch in the busiest hour."""
    wait_seconds: float
    """Mean time that a record waits to be gathered."""


def shards(load: Load) -> int:
    """Open shards of the source's stream."""
    peak = max(load.rates()) * SOURCE_UNITS * (1 + load.removals)
    return max(FIRST_PARTITIONS, ceil(peak / PARTITION_UNITS))


def a_day(load: Load, gathering: Gathering, of_batch: Callable[[float], float]) -> Day:
    """Play a day, hour by hour; `of_batch` says what a batch of so many records comes to."""
    count = shards(load)
    batches = value = waited = 0.0
    largest = 0.0
    for total in load.rates():
        rate = total / count
        if not rate:  # a log of one busy hour leaves nothing to the other end of the day
            continue
        # The first record opens the window; what comes until it closes joins it.
        joined = min(rate * gathering.window_seconds, gathering.largest - 1)
        if rate * gathering.window_seconds > gathering.largest - 1:
            every = gathering.largest / rate
        else:
            every = gathering.window_seconds + 1 / rate
        in_hour = SECONDS_OF_AN_HOUR / every * count
        batches += in_hour
        value += in_hour * _mean(joined, of_batch)
        largest = max(largest, 1 + joined)
        lasted = min(gathering.window_seconds, (gathering.largest - 1) / rate)
        waited += total * (lasted * (1 + joined / 2)) / (1 + joined)
    return Day(batches, value, largest, waited / sum(load.rates()))


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
