"""Amounts of rows as they were last written, so that a row need not be written twice.

An addition that takes a row across a threshold moves it into another bucket. A writer that knows
what the row held before sets the new bucket in the addition itself, on condition that the row still
holds that amount; otherwise a second write does (see `buckets`). Nothing else depends on these
amounts: one that is missing or out of date costs a write unit.
"""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

from tallies.core.amounts import number_of
from tallies.core.boards.buckets import bucket_of
from tallies.core.tally import Number
from tallies.stores.dynamodb.apply.buckets import RowName

MAX_ROWS = 50_000
"""Some 20 MB; the rows of today and of this month are few."""


class Crossing(NamedTuple):
    """The move of a row into another bucket."""

    before: str
    """The amount that the row must still hold, as DynamoDB writes it."""
    bucket: Number
    """The bucket that the row moves into."""


class RowAmounts:
    """The amounts of the rows that were written last. May be used from many threads."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max_rows = max_rows
        self._lock = Lock()
        self._known: OrderedDict[RowName, str] = OrderedDict()

    def learn(self, row: RowName, item: Mapping[str, Any], component: str) -> None:
        """Remember what a row holds; `component` is the attribute that leaderboards order by."""
        amount = item.get(component, {}).get("N")
        with self._lock:
            self._known.pop(row, None)
            if amount is not None:
                self._known[row] = amount
            if len(self._known) > self._max_rows:
                self._known.popitem(last=False)

    def crossing(self, row: RowName, delta: Number) -> Crossing | None:
        """Which bucket an addition takes a row to; None if it stays in its own, or is not known."""
        with self._lock:
            before = self._known.get(row)
        if before is None:
            return None
        amount = number_of(before)
        bucket = bucket_of(amount + delta)
        return None if bucket == bucket_of(amount) else Crossing(before, bucket)
