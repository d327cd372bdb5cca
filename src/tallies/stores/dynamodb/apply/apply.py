"""The guarded apply: batches of change records go into the tallies, each record exactly once.

A batch goes to the rows that hold their own positions, and to those that are written in
transactions, all in the store's current epoch. So it makes no difference how often a record is
delivered, how batches are cut, whether two programs deliver at once, or where one of them died:
what has been applied is not applied again, and what has not is added.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

from tallies.core.errors import InvalidTally, StoreUnavailable, WrongStore
from tallies.core.fold import Folder
from tallies.stores.clock import Clock, utc_now
from tallies.stores.dynamodb.apply.batch import BATCH_SECONDS, ApplyResult, Batch
from tallies.stores.dynamodb.apply.buckets import Buckets
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.in_rows.apply import RowApply
from tallies.stores.dynamodb.apply.in_rows.notes import Notes
from tallies.stores.dynamodb.apply.in_rows.slots import Slots
from tallies.stores.dynamodb.apply.in_transactions.apply import TransactionApply
from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.apply.position import Known, NewerEpoch, read_position
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS, OutOfTime, Sender
from tallies.stores.dynamodb.catalog.catalog import FIRST_EPOCH, Catalog
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.rows.keys import POSITION, TableNames, reserved_key
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


NOTE_SECONDS = 5.0
"""How long a note of a position is tried: without it, whoever comes next reads some more."""


class GuardedApply:
    """Applies batches for all tallies of one source. For one thread at a time."""

    def __init__(
        self,
        client: "DynamoDBClient",
        tables: TableNames,
        folders: Sequence[Folder],
        *,
        clock: Clock = utc_now,
        sender: Sender | None = None,
        max_actions: int = MAX_ACTIONS,
        epoch: int = FIRST_EPOCH,
        redeclared: Callable[[], Catalog] | None = None,
        shards: Callable[[], Sequence[Shard]] = list,
        executor: Executor | None = None,
        amounts: RowAmounts | None = None,
    ) -> None:
        """`client` should not retry by itself (`Clients.once`): the apply does, until its deadline.

        `max_actions` is what one transaction holds at most, the guard or the markers included.
        `epoch` is the one in which the store keeps these tallies; when it is over, `redeclared`
        returns the next catalog. For tallies whose rows hold their own positions, `shards` lists
        the shards of the stream, `executor` writes rows in parallel, and `amounts` remembers what
        rows hold.

        Raises:
            InvalidTally: the tallies cannot be kept together.
        """
        self._clock = clock
        self._redeclared = redeclared
        self._sender = sender or Sender(client)
        self._max_actions = max_actions
        self._reading = explained(client, f"table {tables.tallies}")
        self._slots = Slots(client, tables.tallies, shards)
        self._executor = executor
        self._amounts = amounts
        self._notes = Notes(self._sender, tables.tallies)
        self._keep(tables, folders, epoch)

    def _keep(self, tables: TableNames, folders: Sequence[Folder], epoch: int) -> None:
        self._tables = tables
        every = tuple(folders)
        tables.check(every)
        in_rows = [f for f in every if tables.layout(f.tally.name).guard == "rows"]
        self._in_rows = (
            RowApply(self._sender, tables, in_rows, self._slots, self._executor, self._amounts)
            if in_rows
            else None
        )
        others = [folder for folder in every if folder not in in_rows]
        self._in_transactions = TransactionApply(
            self._sender, tables, others, self._max_actions, self._clock
        )
        self._epoch = epoch

    def _keep_on(self, catalog: Catalog) -> None:
        self._keep(catalog.names, catalog.folders(), catalog.epoch)

    def position_of(self, shard_id: str) -> str:
        """The position up to which all of a shard's records are applied; empty before the first."""
        noted = read_position(self._reading, self._tables.tallies, shard_id).progress.least
        return max(noted, self._notes.waiting(shard_id))

    @property
    def only_notes(self) -> bool:
        """Whether shards' positions are only noted now and then, since all rows hold their own."""
        return self._in_rows is not None and not self._in_transactions

    @property
    def buckets(self) -> Buckets:
        """Those of the rows that are written in transactions."""
        return self._in_transactions.buckets

    def note(self, shard_id: str, position: str = "", *, if_due: bool = False) -> None:
        """Write a shard's position, where that is put off; with `if_due`, only if a note is due.

        `position` is one up to which the caller knows that all records have been applied. A table
        that is busy or away for `NOTE_SECONDS` goes without the note.

        Raises:
            StoreError: the table is missing, or refuses the write.
        """
        if if_due and not self._notes.is_due(shard_id):
            return
        if self.only_notes:
            deadline = self._sender.monotonic() + NOTE_SECONDS
            with suppress(OutOfTime):  # it is only put off: the rows hold the position
                self._notes.write(shard_id, position, self._epoch, self._clock(), deadline)

    def apply_shard(
        self, shard_id: str, records: Sequence[StreamRecord], deadline: float | None = None
    ) -> ApplyResult:
        """Apply a batch of one shard, in the shard's order, guarded by its position.

        `deadline` is a moment on the monotonic clock.

        Raises:
            StoreError: the tables are missing, or refuse the writes permanently. Part of the batch
                may have been applied; deliver all of it again once that is mended.
        """
        batch = Batch(records, self._sender.monotonic, deadline)
        if not batch.records:
            return batch.result()
        first = batch.records[0].change.position
        guard = Guard(
            self._tables.tallies,
            shard_id,
            first,
            self._sender.new_token,
            self._epoch,
            notes_fitted=bool(self.buckets),
        )
        try:
            while self._advances(guard, batch):
                pass
            self._in_transactions.fit(batch)
        except OutOfTime as error:
            if self.only_notes:
                return batch.result(batch.after(batch.rows_after), str(error))
            left = batch.after(guard.progress.least)
            return batch.result(left, str(error), unfit=bool(self.buckets))
        if self.only_notes:
            self._notes.add(shard_id, batch.records[-1].change.position, len(batch.records))
            self.note(shard_id, if_due=True)
        return batch.result()

    def refit(self, records: Sequence[StreamRecord]) -> None:
        """Move the rows of applied records into their buckets.

        Raises:
            StoreUnavailable: the tables are busy.
        """
        try:
            deadline = self._sender.monotonic() + BATCH_SECONDS
            self._in_transactions.fit_applied(records, deadline)
        except OutOfTime as error:
            raise StoreUnavailable(f"The tables are busy: {error}; try again.") from None

    def known_of(self, shard_id: str) -> Known:
        """What is known of a shard; if its epoch is a later one, this apply enters it, too."""
        known = read_position(self._reading, self._tables.tallies, shard_id)
        if known.epoch > self._epoch and self._redeclared is not None:
            self._keep_on(self._redeclared())
        return known

    def note_fitted(self, shard_id: str, known: Known) -> None:
        """Note that all rows of a shard are in their buckets, unless its item has changed since."""
        self._reading.update_item(
            TableName=self._tables.tallies,
            Key=reserved_key(POSITION, shard_id),
            UpdateExpression="SET fitted = :fitted",
            ConditionExpression="revision = :known",
            ExpressionAttributeValues={
                ":fitted": {"S": known.progress.least},
                ":known": {"S": known.revision or ""},
            },
        )

    def _advances(self, guard: Guard, batch: Batch) -> bool:
        """Write what is missing, in the store's current epoch; whether to look again."""
        try:
            if self._in_rows is not None:
                self._write_rows(self._in_rows, guard.shard_id, batch)
                if self.only_notes:
                    return self._is_redeclared(guard)
            return self._in_transactions.advance(guard, batch)
        except NewerEpoch:
            if not self._is_redeclared(guard):
                raise _stale(self._tables) from None
            return True

    def _is_redeclared(self, guard: Guard) -> bool:
        """Read the catalog; whether it has changed, so that some tallies lack the batch."""
        if self._redeclared is None:
            return False
        catalog = self._redeclared()
        if catalog.epoch <= guard.epoch:
            return False
        self._keep_on(catalog)
        guard.epoch = catalog.epoch
        return True

    def _write_rows(self, rows: RowApply, shard_id: str, batch: Batch) -> None:
        """Write the rows that hold their own positions, if they are not all written.

        Raises:
            OutOfTime: some are still not written.
            NewerEpoch: the store keeps other tallies by now.
        """
        if batch.rows_in == self._epoch:
            return
        started = perf_counter()
        found = rows.apply(shard_id, batch.records, self._epoch, self._clock(), batch.deadline)
        batch.commit_seconds += perf_counter() - started
        if self.only_notes:
            batch.duplicates = found.duplicates
            batch.parked_in_rows += found.parked
        if found.left_after is not None:
            batch.rows_after = found.left_after
            raise OutOfTime(found.reason)
        batch.rows_in = self._epoch

    def apply_marked(
        self, records: Sequence[StreamRecord], deadline: float | None = None
    ) -> ApplyResult:
        """Apply a batch of a shard whose name is not known, each record under a marker of its own.

        Costs two write units a record more than `apply_shard`; batches may come in any order.

        Raises:
            InvalidTally: one record can come to more rows than a transaction holds, or some rows
                hold their own positions.
            StoreError: as `apply_shard`.
        """
        if self._in_rows is not None:
            raise InvalidTally(
                "Rows that hold their own positions need to know the shard of a record; give the"
                " event source mapping a tumbling window, or run the worker."
            )
        batch = Batch(records, self._sender.monotonic, deadline)
        by_markers = self._in_transactions.by_markers()
        try:
            by_markers.apply(batch, self._clock)
            self._in_transactions.fit(batch)
        except OutOfTime as error:
            return batch.result(by_markers.left, str(error), unfit=bool(self.buckets))
        return batch.result()


def _stale(tables: TableNames) -> WrongStore:
    return WrongStore(
        f"The tallies in {tables.tallies} have been declared anew; start this program again."
    )
