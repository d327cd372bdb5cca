"""Markers: each record is recognized by an item of its own, written together with what it adds.

For event source mappings that do not say which shard a batch comes from. A marker costs two write
units; batches may come in any order.
"""

from collections.abc import Sequence
from math import inf
from time import perf_counter

from tallies.core.errors import InvalidTally
from tallies.core.fold import Folder, fold
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.batch import Batch
from tallies.stores.dynamodb.apply.buckets import Buckets
from tallies.stores.dynamodb.apply.transactions import MAX_BYTES, Refused, Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.stream.records import StreamRecord


class MarkedApply:
    """Applies one batch, each of its records under a marker."""

    def __init__(
        self,
        sender: Sender,
        folders: Sequence[Folder],
        writer: Writer,
        buckets: Buckets,
        max_actions: int,
    ) -> None:
        """`max_actions` is what one transaction holds at most.

        Raises:
            InvalidTally: one record can come to more rows than that.
        """
        if _widest(folders) >= max_actions:
            raise InvalidTally(
                "One record can come to more rows of these tallies than a transaction holds, and"
                " its shard is not known; give the event source mapping a tumbling window, or run"
                " the worker."
            )
        self._sender = sender
        self._folders = folders
        self._writer = writer
        self._buckets = buckets
        self._max_actions = max_actions
        self._waiting: list[list[StreamRecord]] = []

    @property
    def left(self) -> list[StreamRecord]:
        """The records that have not been applied."""
        return [record for some in self._waiting for record in some]

    def apply(self, batch: Batch, clock: Clock) -> None:
        """Apply a batch.

        Raises:
            OutOfTime: its deadline comes before all of it has been applied.
            StoreError: DynamoDB will never take it.
        """
        # Records of one group are written together, so that a hot row is not in every transaction.
        self._waiting = [sorted(filter(self._matters, batch.records), key=self._first_group)]
        while self._waiting:
            some = self._waiting[-1]
            self._waiting[-1:] = self._mark(some, batch, clock) if some else []

    def _mark(
        self, some: list[StreamRecord], batch: Batch, clock: Clock
    ) -> list[list[StreamRecord]]:
        """Apply some records in one transaction; those of them that are still to be applied."""
        started = perf_counter()
        now = clock()
        folded = fold(self._folders, [record.change for record in some], now)
        writes = self._writer.markers(some, now)
        writes += self._writer.rows(folded.deltas, now)
        writes += self._writer.parked(folded.parked, batch.by_position, now)
        batch.fold_seconds += perf_counter() - started
        if len(some) > 1 and (
            len(writes) > self._max_actions or sum(write.size for write in writes) > MAX_BYTES
        ):
            half = len(some) // 2
            return [some[half:], some[:half]]
        started = perf_counter()
        try:
            self._sender.transact([write.action for write in writes], batch.deadline)
        except Refused as refused:
            known = set(refused.failed)
            rest = [record for index, record in enumerate(some) if index not in known]
            batch.duplicates += len(some) - len(rest)
            return [rest]
        finally:
            batch.commit_seconds += perf_counter() - started
        batch.parks(folded)
        batch.written += self._buckets.written(writes)
        return []

    def _matters(self, record: StreamRecord) -> bool:
        change = record.change
        return record.event_name != "MODIFY" or any(
            folder.sees_difference(change.old, change.new) for folder in self._folders
        )

    def _first_group(self, record: StreamRecord) -> str:
        image = record.change.new or record.change.old or {}
        return str([value.find(image) for value in self._folders[0].tally.group_by])


def _widest(folders: Sequence[Folder]) -> float:
    """The rows that one record can come to at most: it leaves one group and enters another."""
    if any(value.each for folder in folders for value in folder.tally.group_by):
        return inf  # as many groups as the row has elements
    return sum(2 * len(folder.tally.windows) + 3 for folder in folders)
