"""The guarded apply: batches of change records go into the tallies, each record exactly once.

A batch is folded to the smallest set of additions, and written in transactions that each check and
move how far the shard is. So it makes no difference how often a record is delivered, how batches
are cut, whether two deliver at once, or where one of them died: what is in stays in, and what is
not is added.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING

from tallies.core.errors import InvalidTally, WrongStore
from tallies.core.fold import Folded, Folder, fold
from tallies.stores.dynamodb.catalog import FIRST_EPOCH, Catalog
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.guard import Guard, read_position
from tallies.stores.dynamodb.keys import TableNames
from tallies.stores.dynamodb.stream import StreamRecord, in_order
from tallies.stores.dynamodb.transactions import (
    MAX_ACTIONS,
    MAX_BYTES,
    OutOfTime,
    Part,
    Refused,
    Sender,
    pack,
)
from tallies.stores.dynamodb.writes import Write, Writer
from tallies.stores.protocol import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

BATCH_SECONDS = 60.0
"""How long a batch without a deadline is tried."""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a batch."""

    records: int
    """Change records that are in the tallies now and were not before."""
    duplicates: int = 0
    """Change records that were in already."""
    parked: int = 0
    """Of `records`, those set aside for at least one tally."""
    fold_seconds: float = 0.0
    commit_seconds: float = 0.0
    unapplied_from: str | None = None
    """The first sequence number, as delivered, that is not in; None when all are. Deliver it and
    all after it again: what is in already will be known."""
    reason: str | None = None
    """Why not."""


def utc_now() -> datetime:
    return datetime.now(UTC)


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
    ) -> None:
        """`client` should not retry by itself (`Clients.once`): the apply does, until its deadline.

        `max_actions` is what one transaction holds at most, the guard or the markers included.
        `epoch` is that in which the store keeps these tallies; when it is over, `redeclared` is
        asked for the next.

        Raises:
            InvalidTally: the tallies cannot be kept together.
        """
        self._clock = clock
        self._redeclared = redeclared
        self._sender = sender or Sender(client)
        self._client = client
        self._max_actions = max_actions
        self._reading = explained(client, f"table {tables.tallies}")
        self._keep(tables, folders, epoch)

    def _keep(self, tables: TableNames, folders: Sequence[Folder], epoch: int) -> None:
        self._tables = tables
        self._folders = tuple(folders)
        self._epoch = epoch
        tables.check(self._folders)
        self._writer = Writer(tables, self._folders)
        # What one record can come to at most: it leaves one group and enters another.
        self._widest: float = sum(2 * len(folder.tally.windows) + 3 for folder in self._folders)
        if any(value.each for folder in self._folders for value in folder.tally.group_by):
            self._widest = inf  # as many groups as the row has elements

    def position_of(self, shard_id: str) -> str:
        """The position up to which all records of a shard are in; empty before the first."""
        return read_position(self._reading, self._tables.tallies, shard_id).progress.least

    def apply_shard(
        self, shard_id: str, records: Sequence[StreamRecord], deadline: float | None = None
    ) -> ApplyResult:
        """Apply a batch of one shard, delivered in its order, by the shard's position.

        `deadline` is a moment on the monotonic clock.

        Raises:
            StoreError: the tables are missing or refuse the writes for good. Some of the batch may
                be in; deliver all of it again after the mend.
        """
        batch = _Batch(records, self._sender.monotonic, deadline)
        if not batch.records:
            return batch.result()
        first = batch.records[0].change.position
        guard = Guard(self._tables.tallies, shard_id, first, self._sender.new_token, self._epoch)
        try:
            while self._advances(guard, batch):
                pass
        except OutOfTime as error:
            return batch.result(batch.after(guard.progress.least), str(error))
        return batch.result()

    def _advances(self, guard: Guard, batch: "_Batch") -> bool:
        """As `_advance`, in whatever epoch it is."""
        try:
            return self._advance(guard, batch)
        except _EpochOver:
            if self._redeclared is None:
                raise _stale(self._tables) from None
            catalog = self._redeclared()
            if catalog.epoch <= guard.epoch:
                raise _stale(self._tables) from None
            self._keep(catalog.names, catalog.folders(), catalog.epoch)
            guard.epoch = catalog.epoch
            return True

    def _advance(self, guard: Guard, batch: "_Batch") -> bool:
        """Write what is missing; whether to look again, since somebody else has moved the shard."""
        progress = guard.progress
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
        parts = pack(writes, self._max_actions - (2 if guard.needs_epoch else 1))
        batch.fold_seconds += perf_counter() - started
        started = perf_counter()
        try:
            return not all(self._commit(guard, batch, part) for part in parts)
        finally:
            batch.commit_seconds += perf_counter() - started

    def _commit(self, guard: Guard, batch: "_Batch", part: Part) -> bool:
        """Write one part; whether it is in and the next may follow."""
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
                lambda: read_position(self._client, self._tables.tallies, guard.shard_id),
                batch.deadline,
            )
            is_ours = guard.found(known)
            if not is_ours and (known.epoch > guard.epoch or (checked and 0 in refused.failed)):
                raise _EpochOver from None
            return is_ours
        guard.moved()
        return True

    def apply_marked(
        self, records: Sequence[StreamRecord], deadline: float | None = None
    ) -> ApplyResult:
        """Apply a batch of a shard whose name is not known, each record under a marker of its own.

        Costs two write units a record more than `apply_shard`, and needs no order of batches.

        Raises:
            InvalidTally: one record can come to more rows than a transaction holds.
            StoreError: as `apply_shard`.
        """
        if self._widest >= self._max_actions:
            raise InvalidTally(
                "One record can come to more rows of these tallies than a transaction holds, and"
                " its shard is not known; give the event source mapping a tumbling window, or run"
                " the worker."
            )
        batch = _Batch(records, self._sender.monotonic, deadline)
        # Groups that stand together are written together; a hot one not once in every transaction.
        todo = [sorted(filter(self._matters, batch.records), key=self._first_group)]
        try:
            while todo:
                todo[-1:] = self._mark(todo[-1], batch) if todo[-1] else []
        except OutOfTime as error:
            return batch.result([record for some in todo for record in some], str(error))
        return batch.result()

    def _mark(self, some: list[StreamRecord], batch: "_Batch") -> list[list[StreamRecord]]:
        """Apply some records in one transaction; what of them is still to do."""
        started = perf_counter()
        now = self._clock()
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
        return []

    def _matters(self, record: StreamRecord) -> bool:
        change = record.change
        return record.event_name != "MODIFY" or any(
            folder.sees_difference(change.old, change.new) for folder in self._folders
        )

    def _first_group(self, record: StreamRecord) -> str:
        image = record.change.new or record.change.old or {}
        return str([value.find(image) for value in self._folders[0].tally.group_by])


class _EpochOver(Exception):
    """The store keeps other tallies by now."""


def _stale(tables: TableNames) -> WrongStore:
    return WrongStore(
        f"The tallies in {tables.tallies} have been declared anew; start this program again."
    )


class _Batch:
    """A batch on its way: what is known of it so far."""

    def __init__(
        self,
        records: Sequence[StreamRecord],
        monotonic: Callable[[], float],
        deadline: float | None,
    ) -> None:
        self.records = in_order(records)
        self.deadline = monotonic() + BATCH_SECONDS if deadline is None else deadline
        self.by_position = {record.change.position: record for record in self.records}
        self.duplicates = 0
        self.fold_seconds = 0.0
        self.commit_seconds = 0.0
        self._parked: set[str] = set()

    def after(self, position: str) -> list[StreamRecord]:
        """The records that come after a position."""
        return [record for record in self.records if record.change.position > position]

    def parks(self, folded: Folded) -> None:
        self._parked.update(parked.change.position for parked in folded.parked)

    def parks_no_more(self, position: str) -> None:
        """What was parked of records up to a position was parked before."""
        self._parked = {each for each in self._parked if each > position}

    def result(self, left: Sequence[StreamRecord] = (), reason: str | None = None) -> ApplyResult:
        """What became of the batch, if `left` are the records that are not (all) in."""
        waiting = sorted(record.change.position for record in left)
        return ApplyResult(
            records=len(self.records) - self.duplicates - len(left),
            duplicates=self.duplicates,
            parked=len(self._parked.difference(waiting)),
            fold_seconds=self.fold_seconds,
            commit_seconds=self.commit_seconds,
            unapplied_from=self.by_position[waiting[0]].sequence_number if waiting else None,
            reason=reason if waiting else None,
        )
