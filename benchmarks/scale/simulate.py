"""The simulation: shards take batches, and their transactions meet on rows and partitions.

Time goes from event to event; an event is a transaction of some shard that is tried. Everything
random comes from the seed, so a run can be repeated to the last bit.
"""

import heapq

import numpy as np
from numpy.random import Generator, default_rng

from benchmarks.scale.batch.by_rows import RowWork
from benchmarks.scale.batch.by_transactions import TransactionWork
from benchmarks.scale.batch.work import Work
from benchmarks.scale.facts import INDEX_UNITS, PARTITION_UNITS, POLL_SECONDS, SPREAD
from benchmarks.scale.histogram import Histogram
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.shard import Shard, shards_of
from benchmarks.scale.outcome import Outcome
from benchmarks.scale.settings import Settings

SEED = 20_261_123
BATCHES_OF_A_RUN = 12
"""Batching windows that a run lasts at least; the first quarter only warms up."""
SHORTEST_SECONDS = 60.0
"""With few shards it is four times as long: batches grow slowly to the size that carries more."""
MANY_SHARDS = 64
LONG_SECONDS = 240.0
OFTEN = 0.2
"""Refusals for each transaction that is in, from which on they are the reason."""
RECORDS_OF_A_RUN = 3_000
MOST_ATTEMPTS = 4_000_000
"""A run that takes more is cut short there."""
FALLING_BEHIND = 0.02
"""A run does not keep up when a second adds more than this to how old the oldest records of a
finished batch are."""


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
        count = shards or shards_of(writes_a_second, settings)
        self._shards = [
            Shard(settings, writes_a_second / count, self._random, poll_seconds, number)
            for number in range(count)
        ]
        self.field = Field(settings, writes_a_second, count, self._random, spread)
        self.staleness = Histogram()
        self.lags: list[tuple[float, float]] = []
        """When each batch was done, and how old its first record was by then."""
        self._batches = self._records = 0
        self._busy_seconds = 0.0

    def run(self, seconds: float | None = None) -> Outcome:
        """Simulate that long: by default, as long as it takes to see whether it keeps up."""
        settings = self.settings
        end = seconds or max(
            SHORTEST_SECONDS * max(1.0, min(4.0, MANY_SHARDS / len(self._shards))),
            BATCHES_OF_A_RUN * settings.batching_seconds,
            RECORDS_OF_A_RUN / self._rate,
        )
        warm = end / 4
        settled = False
        working: list[Work] = []
        events: list[tuple[float, int]] = []
        for number, shard in enumerate(self._shards):
            # Shards were opened at different times: they do not march in step.
            start = self._random.uniform(0, settings.batching_seconds)
            working.append(self._begin(shard, number, start))
            heapq.heappush(events, (working[number].first(), number))
        for _ in range(MOST_ATTEMPTS):
            now, number = events[0]
            if now > end:
                break
            if not settled and now > warm:
                settled = True
                self._forget()
            work = working[number]
            again = work.step(now)
            if again is None:
                work = working[number] = self._begin(work.shard, number, self._finish(work))
                again = work.first()
            heapq.heapreplace(events, (again, number))
        else:
            end = events[0][0]
        return self._outcome(working, warm, end)

    def _begin(self, shard: Shard, number: int, free_at: float) -> Work:
        batch = shard.next_batch(free_at)
        drawn = self.field.popularity.draw(self._random, len(batch.arrivals))
        if self.settings.guard == "rows":
            return RowWork(self.field, shard, batch, drawn)
        return TransactionWork(self.field, shard, number, batch, drawn)

    def _finish(self, work: Work) -> float:
        """Note what became of a batch; when its shard is free."""
        done = work.ended()
        waited = work.counted() - work.batch.arrivals
        self.staleness.add(waited)
        self.lags.append((done, done - float(work.batch.arrivals[0])))
        self._batches += 1
        self._records += len(waited)
        self._busy_seconds += done - work.batch.at
        return done

    def _forget(self) -> None:
        """Start to count anew: the run has settled."""
        self.field.forget()
        self.staleness = Histogram()
        self._batches = self._records = 0
        self._busy_seconds = 0.0

    def _outcome(self, working: list[Work], warm: float, end: float) -> Outcome:
        seconds = max(end - warm, 1e-9)
        in_flight = sum(max(0.0, end - max(work.batch.at, warm)) for work in working)
        total = len(self._shards) * seconds
        settings, field = self.settings, self.field
        index = field.index.utilisation(seconds)
        rollup = field.rollup_units() / PARTITION_UNITS.value
        utilisation = {
            "index": index * (1 - rollup) + rollup if settings.ranked else 0.0,
            "item": field.items.utilisation(seconds),
            "held": field.held.utilisation(seconds),
            "shard": min(1.0, (self._busy_seconds + in_flight) / total),
            "processor": min(1.0, field.client_seconds / total),
        }
        done = max(1, field.attempts)
        return Outcome(
            settings=settings.name,
            writes_a_second=self._rate,
            shards=len(self._shards),
            keeps_up=self._growth(working, end) <= FALLING_BEHIND,
            p50_seconds=self.staleness.quantile(0.5),
            p99_seconds=self.staleness.quantile(0.99),
            utilisation=utilisation,
            units_a_record=field.units / max(1, self._records) + self._rollup_units_a_record(),
            records_a_batch=self._records / max(1, self._batches),
            conflicts=field.conflicts / done,
            throttles=field.throttles / done,
            redeliveries=field.redeliveries,
            records=self._records,
            simulated_seconds=end,
        )

    def _rollup_units_a_record(self) -> float:
        # It is the only writer of these rows, so it needs no transaction.
        rows = self.field.rollup_rows() * self.settings.ranked
        return rows * (1 + INDEX_UNITS.value) / self._rate

    def _growth(self, working: list[Work], end: float) -> float:
        """By how many seconds each second the batches that are finished get older."""
        early = [lag for at, lag in self.lags if end / 4 < at <= end / 2]
        late = [lag for at, lag in self.lags if end * 3 / 4 < at <= end]
        # A shard that is stuck finishes nothing: its batch under way is as old as that.
        oldest = float(np.median(late)) if late else 0.0
        late += [age for work in working if (age := end - float(work.batch.arrivals[0])) > oldest]
        if not early or not late:
            return 0.0 if not late else 1.0
        return (float(np.mean(late)) - float(np.mean(early))) / (end / 2)


def simulate(settings: Settings, writes_a_second: float, *, seed: int = SEED) -> Outcome:
    """One run.

    Where it falls behind and little is refused, larger batches may be all that it needs: then it is
    given the time that it would have with few shards.
    """
    outcome = Simulation(settings, writes_a_second, seed=seed).run()
    is_refused = max(outcome.throttles, outcome.conflicts) > OFTEN
    if outcome.keeps_up or is_refused or outcome.simulated_seconds >= LONG_SECONDS:
        return outcome
    return Simulation(settings, writes_a_second, seed=seed).run(LONG_SECONDS)
