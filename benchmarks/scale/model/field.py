"""What all shards share: rows, partitions, chance, and the count of what became of requests."""

import math

import numpy as np
from numpy.random import Generator

from benchmarks.scale.facts import (
    ACTIONS,
    CLIENT_SECONDS,
    FIRST_PAUSE,
    INDEX_UNITS,
    LONGEST_PAUSE,
    PARTITION_UNITS,
    TRANSACTION_BASE_SECONDS,
    TRANSACTION_SECONDS,
    UPDATE_CLIENT_SECONDS,
    UPDATE_SECONDS,
)
from benchmarks.scale.model.amounts import Amounts
from benchmarks.scale.model.capacity import Partitions, Rows
from benchmarks.scale.model.popularity import Ints, popularity, ranking_shard_of
from benchmarks.scale.settings import Settings


class Field:
    """What shards meet on."""

    def __init__(
        self,
        settings: Settings,
        writes_a_second: float,
        shards: int,
        random: Generator,
        spread: float,
    ) -> None:
        self.settings = settings
        self.random = random
        self._rate = writes_a_second
        self._spread = spread
        self.popularity = popularity(settings.groups, settings.exponent)
        split = settings.split_groups * settings.counter_shards
        self.held = Rows(settings.groups + split)
        # The rows of a group share a partition key, and so a partition.
        self.items = Partitions(settings.groups + split)
        self._ranking = ranking_shard_of(settings.groups, settings.ranking_shards)
        self.index = Partitions(
            settings.ranked * settings.ranking_shards, PARTITION_UNITS.value - self.rollup_units()
        )
        self.amounts = Amounts(settings, self.popularity, writes_a_second, shards, random)
        self.forget()

    def forget(self) -> None:
        """Start to count anew."""
        self.held.reset()
        self.items.reset()
        self.index.reset()
        self.units = 0.0
        """Write units, those of refused conditions and cancelled transactions included."""
        self.attempts = 0
        """Transactions that are in, or pieces of a batch of which some rows are."""
        self.conflicts = self.throttles = self.redeliveries = 0
        self.moved = 0
        """Rows that were brought into another bucket."""
        self.client_seconds = 0.0
        """Time of the functions' processors."""

    def index_of(self, rows: Ints) -> Ints:
        """The partitions of the leaderboards that rows are in."""
        window, group = np.divmod(rows, self.settings.groups)
        partitions: Ints = window * self.settings.ranking_shards + self._ranking[group]
        return partitions

    def rollup_rows(self) -> float:
        """Split groups that the roll-up writes each second, for each window: those that changed."""
        settings = self.settings
        expected = self.popularity.shares[: settings.split_groups] * self._rate
        changed = -np.expm1(-expected * settings.rollup_seconds)
        return float(changed.sum()) / settings.rollup_seconds

    def rollup_units(self) -> float:
        """What the roll-up takes of each partition of a leaderboard."""
        return self.rollup_rows() * INDEX_UNITS.value / self.settings.ranking_shards

    def client(self, whole_core_seconds: float) -> float:
        """What so much of a whole processor takes the function. It is noted as taken."""
        seconds = whole_core_seconds / self.settings.cores
        self.client_seconds += seconds
        return seconds

    def of_transaction(self, actions: float) -> float:
        """Seconds of the function's processor for a transaction."""
        whole = CLIENT_SECONDS.value * self.settings.client_factor
        return self.client(whole * actions / ACTIONS.value)

    def of_updates(self, count: float) -> float:
        """Seconds of the function's processor for requests of one row each."""
        return self.client(UPDATE_CLIENT_SECONDS.value * self.settings.client_factor * count)

    def transaction_seconds(self, actions: int) -> float:
        """Draw how long a transaction takes, from request to answer."""
        base, whole = TRANSACTION_BASE_SECONDS.value, TRANSACTION_SECONDS.value
        return self._drawn(base + (whole - base) * actions / ACTIONS.value)

    def update_seconds(self) -> float:
        """Draw how long a request for one row takes."""
        return self._drawn(UPDATE_SECONDS.value)

    def _drawn(self, median: float) -> float:
        noise = math.exp(self._spread * self.random.standard_normal()) if self._spread else 1.0
        return median * noise * self.settings.transaction_factor

    def pause(self, attempt: int) -> float:
        """Draw how long the apply waits before it tries once more; the first attempt is 0."""
        ceiling = min(LONGEST_PAUSE.value, FIRST_PAUSE.value * 2.0 ** min(attempt, 30))
        return self.random.uniform(0, ceiling)
