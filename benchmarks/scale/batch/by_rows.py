"""The guard in the row: each row of a batch is written by itself, and no two shards conflict."""

import numpy as np

from benchmarks.scale.batch.flow import Flow
from benchmarks.scale.batch.moving import Moving, unfit
from benchmarks.scale.batch.work import Invocation
from benchmarks.scale.facts import INDEX_UNITS, UPDATE_SECONDS
from benchmarks.scale.model.amounts import bucket_number
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.popularity import Bools, Floats, Ints
from benchmarks.scale.model.shard import Formed, Shard


class RowWork:
    """A batch whose rows hold their own positions."""

    def __init__(self, field: Field, shard: Shard, batch: Formed, drawn: Ints) -> None:
        self.shard = shard
        self.batch = batch
        self._field = field
        self._invocation = Invocation(field, batch)
        settings = field.settings
        groups, self._of_record, records = touched(drawn)
        windows = np.arange(settings.windows)
        self._rows: Ints = (groups[:, np.newaxis] + windows * settings.groups).ravel()
        self._place: Ints = np.repeat(np.arange(len(groups)), settings.windows)
        self._added: Ints = np.repeat(records, settings.windows)
        self._is_in: Bools = np.zeros(len(self._rows), dtype=np.bool_)
        self._counted: Floats = np.zeros(len(groups))
        self._wrong: list[Ints] = []
        self._seen: list[Ints] = []
        self._flow = Flow(field, len(self._rows), self._write)

    def first(self) -> float:
        # The shard's item is looked at before.
        looking = self._field.of_updates(1) + UPDATE_SECONDS.value
        return self._invocation.begins() + looking

    def step(self, now: float) -> float | None:
        again = self._invocation.delivered_again(now)
        if again is not None:
            # Rows that have the batch say so, for a unit and a request each.
            known = self._rows[self._is_in]
            self._field.units += float(self._field.amounts.units(known).sum())
            return again + self._field.of_updates(len(known))
        following = self._flow.step(now)
        if following is None and self._wrong:
            rows, seen = np.concatenate(self._wrong), np.concatenate(self._seen)
            self._wrong.clear()
            if len(rows):
                last = self._flow.latest
                self._flow = Moving(self._field, rows, seen).flow()
                return last
        return following

    def _write(self, which: Ints, now: float, answered: Floats) -> Bools:
        field, settings, amounts = self._field, self._field.settings, self._field.amounts
        rows = self._rows[which]
        groups = rows % settings.groups
        index_units = self._index_units(rows, self._added[which])
        listed = index_units > 0
        refused = field.items.throttled(groups, now)
        refused[listed] |= field.index.throttled(field.index_of(rows[listed]), now)
        taken, listed = ~refused, listed & ~refused
        crossed = taken & (index_units == INDEX_UNITS.value) & (settings.ranking == "buckets")
        amounts.add(rows[taken], self._added[which[taken]])
        amounts.bucket[rows[crossed]] = bucket_number(amounts.amount[rows[crossed]])
        amounts.wrote(self.shard.number, rows[taken])
        units = amounts.units(rows[taken])
        field.items.take(groups[taken], units, now)
        field.index.take(field.index_of(rows[listed]), index_units[listed], now)
        field.attempts += bool(taken.any())
        field.throttles += bool(refused.any())
        field.moved += int(crossed.sum())
        field.units += float(units.sum() + index_units[listed].sum())
        self._is_in[which[taken]] = True
        np.maximum.at(self._counted, self._place[which[taken]], answered[taken])
        # Each row comes back from its own write.
        self._wrong.append(unfit(field, rows[taken]))
        self._seen.append(amounts.amount[self._wrong[-1]])
        return refused

    def _index_units(self, rows: Ints, added: Ints) -> Floats:
        """Units of the index that each row's own write takes."""
        settings, amounts = self._field.settings, self._field.amounts
        is_ranked = rows < settings.ranked * settings.groups
        if settings.ranking != "buckets":
            return np.where(is_ranked, float(settings.move_units), 0.0)
        before = amounts.amount[rows]
        crosses = bucket_number(before + added) != bucket_number(before)
        crosses &= amounts.knows(self.shard.number, rows)
        units = np.where(before == 0, settings.entry_units, crosses * INDEX_UNITS.value)
        return np.where(is_ranked, units, 0.0)

    def counted(self) -> Floats:
        found: Floats = self._counted[self._of_record]
        return found

    def ended(self) -> float:
        return self._flow.latest


def touched(drawn: Ints) -> tuple[Ints, Ints, Ints]:
    """The groups of a batch in the order in which they come, for each record the place of its
    group among them, and how many records each group has."""
    groups, first, of_record, records = np.unique(
        drawn, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return groups[order], place[of_record], records[order].astype(np.int64)
