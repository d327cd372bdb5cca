"""The simulation: shards take batches, and their transactions meet on rows and partitions.

Time goes from event to event; an event is a transaction of some shard that is tried. Everything
random comes from the seed, so a run can be repeated to the last bit.
"""

import heapq
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator, default_rng

from benchmarks.scale.capacity import Partitions, Rows
from benchmarks.scale.cut import cut, transaction_units
from benchmarks.scale.facts import (
    ACTIONS,
    CLIENT_SECONDS,
    FIRST_PAUSE,
    INDEX_UNITS,
    INVOCATION_SECONDS,
    INVOKE_SECONDS,
    LONGEST_PAUSE,
    PARTITION_UNITS,
    POLL_SECONDS,
    RECORD_SECONDS,
    SPREAD,
    TRANSACTION_BASE_SECONDS,
    TRANSACTION_SECONDS,
    UNITS_IN_TRANSACTION,
)
from benchmarks.scale.histogram import Histogram
from benchmarks.scale.outcome import Outcome
from benchmarks.scale.popularity import Ints, popularity, ranking_shard_of
from benchmarks.scale.settings import Settings
from benchmarks.scale.shard import Formed, Shard, shards_of

SEED = 20_261_123
BATCHES_OF_A_RUN = 12
"""Batching windows that a run lasts at least; the first quarter only warms up."""
SHORTEST_SECONDS = 90.0
RECORDS_OF_A_RUN = 3_000
MOST_ATTEMPTS = 4_000_000
"""A run that takes more is cut short there."""
FALLING_BEHIND = 0.02
"""A run does not keep up when a second adds more than this to how old the oldest records of a
finished batch are."""


@dataclass(slots=True)
class _Work:
    """A shard's invocation under way."""

    shard: Shard
    batch: Formed
    parts: list[Ints]
    of_record: Ints
    committed: list[float] = field(default_factory=list)
    attempt: int = 0
    ends: float = math.inf


class Simulation:
    """One run of one setting at one rate."""

    def __init__(
        self,
        settings: Settings,
        writes_a_second: float,
        *,
        seed: int = SEED,
        shards: int | None = None,
        spread: float = SPREAD.value,
        poll_seconds: float = POLL_SECONDS.value,
    ) -> None:
        self.settings = settings
        self._rate = writes_a_second
        self._random: Generator = default_rng(seed)
        self._spread = spread
        self._popularity = popularity(settings.groups, settings.exponent)
        count = shards or shards_of(writes_a_second)
        self._shards = [
            Shard(settings, writes_a_second / count, self._random, poll_seconds)
            for _ in range(count)
        ]
        split = settings.split_groups * settings.counter_shards
        self._rows = Rows(settings.groups + split)
        self._items = Partitions(settings.groups + split)
        self._ranking = ranking_shard_of(settings.groups, settings.ranking_shards)
        self._index = Partitions(
            settings.ranking_shards, PARTITION_UNITS.value - self._rollup_units()
        )
        self.staleness = Histogram()
        self._lags: list[tuple[float, float]] = []
        self._units = self._in = self._conflicts = self._throttles = 0.0
        self._redeliveries = self._batches = self._records = 0
        self._busy_seconds = 0.0

    def _rollup_rows(self) -> float:
        """Split groups that the roll-up writes each second, for each window: those that changed."""
        settings = self.settings
        expected = self._popularity.shares[: settings.split_groups] * self._rate
        changed = -np.expm1(-expected * settings.rollup_seconds)
        return float(changed.sum()) / settings.rollup_seconds

    def _rollup_units(self) -> float:
        """What the roll-up takes of each partition of a leaderboard."""
        return self._rollup_rows() * INDEX_UNITS.value / self.settings.ranking_shards

    def run(self, seconds: float | None = None) -> Outcome:
        """Simulate that long: by default, as long as it takes to see whether it keeps up."""
        settings = self.settings
        end = seconds or max(
            SHORTEST_SECONDS,
            BATCHES_OF_A_RUN * settings.batching_seconds,
            RECORDS_OF_A_RUN / self._rate,
        )
        warm = end / 4
        settled = False
        working: list[_Work] = []
        events: list[tuple[float, int]] = []
        for number, shard in enumerate(self._shards):
            # Shards were opened at different times: they do not march in step.
            start = self._random.uniform(0, settings.batching_seconds)
            working.append(self._begin(shard, start))
            heapq.heappush(events, (self._first_attempt(working[number]), number))
        for _ in range(MOST_ATTEMPTS):
            now, number = events[0]
            if now > end:
                break
            if not settled and now > warm:
                settled = True
                self._forget()
            work = working[number]
            again = self._attempt(work, number, now)
            if again is None:
                work = working[number] = self._begin(work.shard, self._finish(work))
                again = self._first_attempt(work)
            heapq.heapreplace(events, (again, number))
        else:
            end = events[0][0]
        return self._outcome(working, warm, end)

    def _begin(self, shard: Shard, free_at: float) -> _Work:
        batch = shard.next_batch(free_at)
        drawn = self._popularity.draw(self._random, len(batch.arrivals))
        parts, of_record = cut(drawn, self._popularity, self.settings.windows)
        return _Work(shard, batch, parts, of_record, ends=batch.at + INVOCATION_SECONDS.value)

    def _first_attempt(self, work: _Work) -> float:
        handed = work.batch.at + INVOKE_SECONDS.value
        reading = len(work.batch.arrivals) * RECORD_SECONDS.value
        return handed + reading + self._client_seconds(work)

    def _client_seconds(self, work: _Work) -> float:
        actions = len(work.parts[len(work.committed)]) * self.settings.windows + 1
        return CLIENT_SECONDS.value * actions / ACTIONS.value

    def _attempt(self, work: _Work, number: int, now: float) -> float | None:
        """Try the next transaction of a batch; when to try the next, None when all are in."""
        settings = self.settings
        groups = work.parts[len(work.committed)]
        rows, ranked = groups, groups
        if settings.split_groups:
            hot = groups < settings.split_groups
            own = number % settings.counter_shards
            rows = np.where(hot, settings.groups + groups * settings.counter_shards + own, groups)
            ranked = groups[~hot]
        index = self._ranking[ranked] if settings.ranked else ranked[:0]
        seconds = self._transaction_seconds(len(groups))
        units = transaction_units(len(groups), settings)
        units -= (len(groups) - len(ranked)) * settings.ranked * settings.index_units
        if self._rows.conflict(rows, now):
            self._conflicts += 1
            # Those that a conflict cancels are paid for; what is throttled is not.
            self._units += transaction_units(len(groups), settings) - (
                len(groups) * settings.ranked * settings.index_units
            )
            return self._pause(work, now + seconds)
        if self._items.throttles(rows, now) or self._index.throttles(index, now):
            self._throttles += 1
            return self._pause(work, now + seconds)
        self._rows.hold(rows, now, seconds)
        # The rows of a group share a partition key, and so a partition.
        self._items.take(rows, settings.windows * UNITS_IN_TRANSACTION.value, now)
        self._index.take(index, settings.index_units, now)
        self._in += 1
        self._units += units
        work.committed.append(now + seconds)
        work.attempt = 0
        if len(work.committed) == len(work.parts):
            return None
        return now + seconds + self._client_seconds(work)

    def _transaction_seconds(self, groups: int) -> float:
        actions = groups * self.settings.windows + 1
        base, whole = TRANSACTION_BASE_SECONDS.value, TRANSACTION_SECONDS.value
        median = base + (whole - base) * actions / ACTIONS.value
        noise = math.exp(self._spread * self._random.standard_normal()) if self._spread else 1.0
        return median * noise * self.settings.transaction_factor

    def _pause(self, work: _Work, answered: float) -> float:
        """When a transaction that was cancelled is tried again, as the apply does it."""
        ceiling = min(LONGEST_PAUSE.value, FIRST_PAUSE.value * 2.0 ** min(work.attempt, 30))
        work.attempt += 1
        again = answered + self._random.uniform(0, ceiling)
        if again < work.ends:
            return again
        # Reported and delivered again; what is in stays in, by the guard.
        self._redeliveries += 1
        work.attempt = 0
        started = max(answered, work.ends) + INVOKE_SECONDS.value
        work.ends = started + INVOCATION_SECONDS.value
        return started

    def _finish(self, work: _Work) -> float:
        """Note what became of a batch; when its shard is free."""
        done = work.committed[-1]
        waited = np.array(work.committed)[work.of_record] - work.batch.arrivals
        self.staleness.add(waited)
        self._lags.append((done, done - float(work.batch.arrivals[0])))
        self._batches += 1
        self._records += len(waited)
        self._busy_seconds += done - work.batch.at
        return done

    def _forget(self) -> None:
        """Start to count anew: the run has settled."""
        self._rows.reset()
        self._items.reset()
        self._index.reset()
        self.staleness = Histogram()
        self._units = self._in = self._conflicts = self._throttles = 0.0
        self._redeliveries = self._batches = self._records = 0
        self._busy_seconds = 0.0

    def _outcome(self, working: list[_Work], warm: float, end: float) -> Outcome:
        seconds = max(end - warm, 1e-9)
        in_flight = sum(max(0.0, end - max(work.batch.at, warm)) for work in working)
        total = len(self._shards) * seconds
        settings = self.settings
        index = self._index.utilisation(seconds)
        rollup = self._rollup_units() / PARTITION_UNITS.value
        utilisation = {
            "index": index * (1 - rollup) + rollup if settings.ranked else 0.0,
            "item": self._items.utilisation(seconds),
            "held": self._rows.utilisation(seconds),
            "shard": min(1.0, (self._busy_seconds + in_flight) / total),
        }
        done = max(1.0, self._in)
        return Outcome(
            settings=settings.name,
            writes_a_second=self._rate,
            shards=len(self._shards),
            keeps_up=self._growth(working, end) <= FALLING_BEHIND,
            p50_seconds=self.staleness.quantile(0.5),
            p99_seconds=self.staleness.quantile(0.99),
            utilisation=utilisation,
            units_a_record=self._units / max(1, self._records) + self._rollup_units_a_record(),
            records_a_batch=self._records / max(1, self._batches),
            conflicts=self._conflicts / done,
            throttles=self._throttles / done,
            redeliveries=self._redeliveries,
            records=self._records,
            simulated_seconds=end,
        )

    def _rollup_units_a_record(self) -> float:
        # It is the only writer of these rows, so it needs no transaction.
        rows = self._rollup_rows() * self.settings.ranked
        return rows * (1 + INDEX_UNITS.value) / self._rate

    def _growth(self, working: list[_Work], end: float) -> float:
        """By how many seconds each second the batches that are finished get older."""
        early = [lag for at, lag in self._lags if end / 4 < at <= end / 2]
        late = [lag for at, lag in self._lags if end * 3 / 4 < at <= end]
        # A shard that is stuck finishes nothing: its batch under way is as old as that.
        oldest = float(np.median(late)) if late else 0.0
        late += [age for work in working if (age := end - float(work.batch.arrivals[0])) > oldest]
        if not early or not late:
            return 0.0 if not late else 1.0
        return (float(np.mean(late)) - float(np.mean(early))) / (end / 2)


def simulate(settings: Settings, writes_a_second: float, *, seed: int = SEED) -> Outcome:
    """One run."""
    return Simulation(settings, writes_a_second, seed=seed).run()
