"""The second write: rows that crossed a threshold are brought into their bucket."""

import numpy as np

from benchmarks.scale.batch.flow import Flow
from benchmarks.scale.facts import INDEX_UNITS
from benchmarks.scale.model.amounts import bucket_number
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.popularity import Bools, Floats, Ints


class Moving:
    """Rows that are in a wrong bucket, with the amounts at which they were seen there."""

    def __init__(self, field: Field, rows: Ints, seen: Ints) -> None:
        self._field = field
        self._rows = rows
        self._seen = seen.copy()

    def flow(self) -> Flow:
        return Flow(self._field, len(self._rows), self._write)

    def _write(self, which: Ints, now: float, _answered: Floats) -> Bools:
        """On condition that the row holds what was seen; else it is looked at and tried again."""
        field, amounts = self._field, self._field.amounts
        rows = self._rows[which]
        groups = rows % field.settings.groups
        amount = amounts.amount[rows]
        is_other = amount != self._seen[which]
        # Another shard that saw it as well may have moved it: then the index is not touched.
        moves = ~is_other & amounts.is_wrong(rows)
        index = field.index_of(rows)
        throttled = field.items.throttled(groups, now)
        throttled |= moves & field.index.throttled(index, now)
        sent, moved = ~throttled, moves & ~throttled
        units = amounts.units(rows)
        field.items.take(groups[sent], units[sent], now)
        field.index.take(index[moved], INDEX_UNITS.value, now)
        amounts.bucket[rows[moved]] = bucket_number(amount[moved])
        field.attempts += bool(sent.any())
        field.throttles += bool(throttled.any())
        field.moved += int(moved.sum())
        field.units += float(units[sent].sum() + moved.sum() * INDEX_UNITS.value)
        looked_at = which[is_other & sent]
        self._seen[looked_at] = amounts.amount[self._rows[looked_at]]
        again: Bools = throttled | (is_other & amounts.is_wrong(rows))
        return again


def unfit(field: Field, rows: Ints) -> Ints:
    """Those of some rows that are ranked, and not in their bucket."""
    settings = field.settings
    if settings.ranking != "buckets":
        return rows[:0]
    ranked = rows[rows < settings.ranked * settings.groups]
    found: Ints = ranked[np.flatnonzero(field.amounts.is_wrong(ranked))]
    return found
