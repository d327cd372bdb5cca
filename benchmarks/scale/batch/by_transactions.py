"""The guard in transactions: all rows of some groups at once, and conflicts on hot ones."""

from typing import Literal

import numpy as np

from benchmarks.scale.batch.cut import cut, transaction_units
from benchmarks.scale.batch.flow import Flow
from benchmarks.scale.batch.moving import Moving, unfit
from benchmarks.scale.batch.work import Invocation
from benchmarks.scale.facts import AT_ONCE, LOOKED_AT, UNITS_IN_TRANSACTION, UPDATE_SECONDS
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.popularity import Floats, Ints
from benchmarks.scale.model.shard import Formed, Shard

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class TransactionWork:
    """A batch that is written in transactions, one after another."""

    def __init__(self, field: Field, shard: Shard, number: int, batch: Formed, drawn: Ints) -> None:
        self.shard = shard
        self.batch = batch
        self._number = number
        self._field = field
        self._invocation = Invocation(field, batch)
        self._parts, self._of_record = cut(drawn, field.popularity, field.settings.windows)
        self._drawn = np.sort(drawn)
        self._committed: list[float] = []
        self._attempt = 0
        self._flow: Flow | None = None

    def first(self) -> float:
        return self._invocation.begins() + self._client_seconds()

    def _client_seconds(self) -> float:
        groups = self._parts[len(self._committed)]
        return self._field.of_transaction(len(groups) * self._field.settings.windows + 1)

    def step(self, now: float) -> float | None:
        if self._flow is not None:
            # A batch whose buckets are not done comes again; it is looked at anew for that.
            return self._invocation.delivered_again(now) or self._flow.step(now)
        return self._transact(now)

    def _transact(self, now: float) -> float | None:
        """Try the next transaction of the batch."""
        field, settings = self._field, self._field.settings
        groups = self._parts[len(self._committed)]
        rows, ranked = groups, groups
        if settings.split_groups:
            hot = groups < settings.split_groups
            own = self._number % settings.counter_shards
            rows = np.where(hot, settings.groups + groups * settings.counter_shards + own, groups)
            ranked = groups[~hot]
        seconds = field.transaction_seconds(len(groups) * settings.windows + 1)
        units = transaction_units(len(groups), settings)
        if field.held.conflict(rows, now):
            field.conflicts += 1
            # Those that a conflict cancels are paid for; what is throttled is not.
            field.units += units
            return self._pause(now + seconds)
        entered, index_units = self._entries(ranked)
        index = field.index_of(entered)
        if field.items.throttles(rows, now) or field.index.throttles(index, now):
            field.throttles += 1
            return self._pause(now + seconds)
        field.held.hold(rows, now, seconds)
        field.items.take(rows, settings.windows * UNITS_IN_TRANSACTION.value, now)
        field.index.take(index, index_units, now)
        if settings.ranking == "buckets":
            every = self._rows(groups, settings.windows)
            field.amounts.add(every, np.tile(self._records_of(groups), settings.windows))
        field.attempts += 1
        field.units += units + len(index) * index_units
        self._committed.append(now + seconds)
        self._attempt = 0
        if len(self._committed) == len(self._parts):
            return self._look(now + seconds)
        return now + seconds + self._client_seconds()

    def _records_of(self, groups: Ints) -> Ints:
        """How many records of the batch each group has."""
        first, last = (np.searchsorted(self._drawn, groups, side) for side in _SIDES)
        return (last - first).astype(np.int64)

    def _rows(self, groups: Ints, windows: int) -> Ints:
        settings = self._field.settings
        rows: Ints = (np.arange(windows)[:, np.newaxis] * settings.groups + groups).ravel()
        return rows

    def _entries(self, ranked: Ints) -> tuple[Ints, float]:
        """The rows of a transaction that change in the index, and for how many units each."""
        settings = self._field.settings
        rows = self._rows(ranked, settings.ranked)
        if settings.ranking == "measure":
            return rows, settings.move_units
        return rows[self._field.amounts.amount[rows] == 0], settings.entry_units

    def _look(self, now: float) -> float | None:
        """Look at the rows that are in, if they have buckets; when to move those in a wrong one."""
        field, settings = self._field, self._field.settings
        if settings.ranking != "buckets" or not settings.ranked:
            return None
        rows = self._rows(np.concatenate(self._parts), settings.ranked)
        requests = -(-len(rows) // int(LOOKED_AT.value))
        rounds = -(-requests // int(AT_ONCE.value))
        looked = now + field.of_transaction(len(rows)) + rounds * UPDATE_SECONDS.value
        wrong = unfit(field, rows)
        if not len(wrong):
            return None
        self._flow = Moving(field, wrong, field.amounts.amount[wrong]).flow()
        return looked

    def _pause(self, answered: float) -> float:
        """When a transaction that was cancelled is tried again, as the apply does it."""
        again = answered + self._field.pause(self._attempt)
        self._attempt += 1
        # Reported and delivered again; what is in stays in, by the guard.
        following = self._invocation.delivered_again(again)
        if following is None:
            return again
        self._attempt = 0
        return following

    def counted(self) -> Floats:
        found: Floats = np.array(self._committed)[self._of_record]
        return found

    def ended(self) -> float:
        return max(self._committed[-1], self._flow.latest if self._flow else 0.0)
