"""The guard in transactions: each transaction of a batch checks and moves the shard's position.

A batch is folded to the smallest set of additions, and these are packed into as few transactions as
hold them.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from tallies.core.fold import Folder, fold
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.batch import Batch
from tallies.stores.dynamodb.apply.buckets import Buckets, RowName
from tallies.stores.dynamodb.apply.in_transactions.by_markers import MarkedApply
from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.apply.position import NewerEpoch, read_position
from tallies.stores.dynamodb.apply.transactions import Part, Refused, Sender, pack
from tallies.stores.dynamodb.apply.writes import Write, Writer
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.stream.records import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class TransactionApply:
    """Applies batches to rows that are written in transactions. For one thread at a time."""

    def __init__(
        self,
        sender: Sender,
        tables: TableNames,
        folders: Sequence[Folder],
        max_actions: int,
        clock: Clock,
    ) -> None:
        """`max_actions` is what one transaction holds at most, guard or markers included."""
        self._sender = sender
        self._table = tables.tallies
        self._folders = folders
        self._max_actions = max_actions
        self._clock = clock
        self._writer = Writer(tables, folders)
        self.buckets = Buckets(sender, self._writer)

    def __bool__(self) -> bool:
        """Whether there are such rows."""
        return bool(self._folders)

    def by_markers(self) -> MarkedApply:
        """An apply for one batch of a shard whose name is not known; raises as it does."""
        return MarkedApply(
            self._sender, self._folders, self._writer, self.buckets, self._max_actions
        )

    def advance(self, guard: Guard, batch: Batch) -> bool:
        """Write what is missing; whether to look again, since another has moved the shard.

        Raises:
            NewerEpoch: the store keeps other tallies by now.
            OutOfTime: the deadline of the batch came before all of it was written.
        """
        progress = guard.progress
        batch.meets(progress)
        missing = batch.after(progress.least)
        batch.duplicates = len(batch.records) - len(missing)
        batch.parks_no_more(progress.least)
        if not missing:
            return False
        started = perf_counter()
        now = self._clock()
        writes: list[Write] = []
        for run in progress.runs:
            changes = [record.change for record in batch.after(run.position)]
            folded = fold(self._folders, changes, now)
            writes += self._writer.rows(folded.deltas, now, run.start, run.end)
            writes += self._writer.parked(folded.parked, batch.by_position, now, run.start, run.end)
            batch.parks(folded)
        batch.written += self.buckets.written(writes)
        parts = pack(writes, self._max_actions - (2 if guard.needs_epoch else 1))
        batch.fold_seconds += perf_counter() - started
        started = perf_counter()
        try:
            return not all(self._commit(guard, batch, part) for part in parts)
        finally:
            batch.commit_seconds += perf_counter() - started

    def _commit(self, guard: Guard, batch: Batch, part: Part) -> bool:
        """Write one part; whether it has been applied, so that the next may follow."""
        move = guard.move(part.end, batch.records[-1].change.position, self._clock())
        actions: list[TransactWriteItemTypeDef] = [write.action for write in part.writes]
        checked = guard.needs_epoch
        if checked:
            actions.insert(0, {"ConditionCheck": guard.epoch_check()})
        try:
            if actions:
                self._sender.transact([*actions, {"Update": move}], batch.deadline)
            else:
                self._sender.update(move, batch.deadline)
        except Refused as refused:
            known = self._sender.persist(
                lambda: read_position(self._sender.client, self._table, guard.shard_id),
                batch.deadline,
            )
            is_ours = guard.found(known)
            if not is_ours and (known.epoch > guard.epoch or (checked and 0 in refused.failed)):
                raise NewerEpoch from None
            return is_ours
        guard.moved()
        return True

    def fit(self, batch: Batch) -> None:
        """Move the rows of an applied batch into their buckets; raises as `Buckets.fit`."""
        if not self.buckets:
            return
        started = perf_counter()
        rows = batch.written
        # What was written before, by whoever has died since, may cancel out in this batch.
        if batch.duplicates or batch.is_partly_in:
            rows += self._rows_of(batch.records)
        self.buckets.fit(rows, batch.deadline)
        batch.commit_seconds += perf_counter() - started

    def fit_applied(self, records: Sequence[StreamRecord], deadline: float) -> None:
        """As `fit`, for records that some program has applied."""
        self.buckets.fit(self._rows_of(records), deadline)

    def _rows_of(self, records: Sequence[StreamRecord]) -> list[RowName]:
        """The rows that have buckets and that any of the records adds to."""
        now = self._clock()
        rows: list[RowName] = []
        # Each by itself: what cancels out in one fold may have been written record by record.
        for record in records:
            folded = fold(self._folders, [record.change], now)
            rows += self.buckets.written(self._writer.rows(folded.deltas, now))
        return rows
