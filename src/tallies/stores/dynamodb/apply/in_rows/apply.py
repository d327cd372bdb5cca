"""The guard in the row: each row holds the position up to which it has all records of a shard.

A batch is folded, and each of the rows that it touches gets its addition in one update, on
condition that the row does not hold the batch's first record yet. A row that does refuses the
update and returns its position; what it still lacks is folded for it anew. So a row is exact at
every moment, no matter which programs deliver which records how often, and a batch has been applied
when all of its rows have it. That costs one write unit a row where a transaction costs two, and
writers of different shards do not conflict on a row.

A row is written, and its position moved, even when what the batch adds to it cancels out: otherwise
one half of the batch, delivered once more, would count.

Records at or before the position in the shard's item are left out beforehand: a tally that is being
built lacks them, and gets them by the comparison with the source. That is why the item is read
before each batch, and fenced if it is of an earlier epoch.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

from tallies.core.change import Change
from tallies.core.fold import Deltas, Folded, Folder, Parked, fold
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.apply.in_rows.slots import Slots
from tallies.stores.dynamodb.apply.in_rows.writer import Row, RowWriter
from tallies.stores.dynamodb.apply.position import NewerEpoch, fencing, known_of
from tallies.stores.dynamodb.apply.transactions import OutOfTime, Refused, Sender
from tallies.stores.dynamodb.rows.keys import POSITION, TableNames, reserved_key
from tallies.stores.dynamodb.stream.records import StreamRecord

ROWS_AT_ONCE = 16
"""How many rows a program writes in parallel, over all of its batches."""


@dataclass(frozen=True, slots=True)
class InRows:
    """What became of a batch."""

    duplicates: int
    """Records that some row held already."""
    parked: int
    left_after: str | None = None
    """All rows hold all records up to here, but not all after; None when they hold all."""
    reason: str = ""


class _Place(NamedTuple):
    """Where a shard is."""

    slot: Slot
    base: str
    """All records up to here have been applied before."""


class RowApply:
    """Applies batches to rows that hold their own positions. For one thread at a time."""

    def __init__(
        self,
        sender: Sender,
        tables: TableNames,
        folders: Sequence[Folder],
        slots: Slots,
        executor: Executor | None = None,
        amounts: RowAmounts | None = None,
    ) -> None:
        """`executor` writes rows in parallel; without one they are written one by one. `amounts`
        may be shared with other applies of this program.
        """
        self._sender = sender
        self._tables = tables
        self._folders = folders
        self._folding = Lock()  # folders are not for two threads at once
        self._writer = RowWriter(
            sender, tables, folders, RowAmounts() if amounts is None else amounts
        )
        self._slots = slots
        self._executor = executor

    def apply(
        self,
        shard_id: str,
        records: Sequence[StreamRecord],
        epoch: int,
        now: datetime,
        deadline: float,
    ) -> InRows:
        """Add a batch of one shard, in its order.

        Raises:
            NewerEpoch: another program has begun a later epoch.
            OutOfTime: the deadline came before anything could be written.
        """
        place = self._place(shard_id, epoch, now, deadline)
        new = [record for record in records if record.change.position > place.base]
        if not new:
            return InRows(len(records), 0)
        work = _Work(self._fold, self._writer, place.slot, new, now, deadline)
        folded = work.after("")
        jobs = [partial(work.park, each) for each in folded.parked]
        for tally, rows in folded.deltas.items():
            jobs += [partial(work.settle, tally, row) for row in rows]
        found = self._all(jobs)
        late = [position for position in found if position is not None]
        known = max([place.base, *work.known])
        buckets = self._writer.buckets
        try:
            buckets.fit(buckets.fit_read(work.items, deadline), deadline)
        except OutOfTime as error:
            late.append(place.base)
            work.reasons.append(str(error))
        return InRows(
            sum(record.change.position <= known for record in records),
            work.parked,
            max(place.base, min(late)) if late else None,
            "; ".join(dict.fromkeys(work.reasons)),
        )

    def _all(self, jobs: Sequence[Callable[[], str | None]]) -> list[str | None]:
        if self._executor is None or len(jobs) == 1:
            return [job() for job in jobs]
        return list(self._executor.map(lambda job: job(), jobs))

    def _place(self, shard_id: str, epoch: int, now: datetime, deadline: float) -> _Place:
        """The shard's slot and position, once its item is in this epoch."""
        client, table = self._sender.client, self._tables.tallies
        key = reserved_key(POSITION, shard_id)
        while True:
            item: Any = self._sender.persist(
                lambda: client.get_item(TableName=table, Key=key, ConsistentRead=True), deadline
            ).get("Item")
            known = known_of(item)
            if known.slot is None or known.revision is None:  # a slot is given with a revision
                self._sender.persist(lambda: self._slots.give(shard_id, epoch, now), deadline)
            elif known.epoch > epoch:
                raise NewerEpoch
            elif known.epoch < epoch:
                with suppress(Refused):  # another program was faster: look again
                    self._sender.update(fencing(table, shard_id, known.revision, epoch), deadline)
            else:
                return _Place(known.slot, known.progress.least)

    def _fold(self, records: Sequence[StreamRecord], now: datetime) -> Folded:
        """What records come to, including the rows to which they add zero in total."""
        deltas: dict[str, Deltas] = {}
        parked: list[Parked] = []
        changes = [record.change for record in records]
        with self._folding:
            for folder in self._folders:
                folded = fold([folder], _telling(folder, changes), now, zeros=True)
                deltas |= folded.deltas
                parked += folded.parked
        return Folded(deltas, parked)


class _Work:
    """One batch on its way into the rows."""

    def __init__(
        self,
        fold: Callable[[Sequence[StreamRecord], datetime], Folded],
        writer: RowWriter,
        slot: Slot,
        records: Sequence[StreamRecord],
        now: datetime,
        deadline: float,
    ) -> None:
        self.items: list[tuple[str, Mapping[str, Any]]] = []
        """Rows as they were seen last, each with its table; only those that have buckets matter."""
        self.known: list[str] = []
        """The positions of rows that turned out to hold something of the batch already."""
        self.reasons: list[str] = []
        self.parked = 0
        self._fold = fold
        self._writer = writer
        self._slot = slot
        self._records = records
        self._now = now
        self._deadline = deadline
        self._by_position = {record.change.position: record for record in records}
        self._last = records[-1].change.position
        self._folds: dict[str, Folded] = {}

    def after(self, position: str) -> Folded:
        """What the records after a position come to."""
        if position not in self._folds:
            some = [record for record in self._records if record.change.position > position]
            self._folds[position] = self._fold(some, self._now)
        return self._folds[position]

    def settle(self, tally: str, row: Row) -> str | None:
        """Bring a row up to the end of the batch; if time runs out, the position that it is at."""
        held = ""
        try:
            while (amounts := self.after(held).deltas[tally].get(row)) is not None:
                first = next(p for p in self._by_position if p > held)
                try:
                    item = self._writer.add(
                        tally,
                        row,
                        amounts,
                        self._slot,
                        first,
                        self._last,
                        self._now,
                        self._deadline,
                    )
                except Refused as refused:
                    # The program that wrote it may have died before it fitted the bucket.
                    self.items.append((self._writer.table(tally), refused.item))
                    found = self._slot.held(refused.item)
                    if found is None or found >= self._last:
                        self.known.append(self._last)
                        return None
                    held = found
                    self.known.append(held)
                else:
                    self.items.append((self._writer.table(tally), item))
                    return None
        except OutOfTime as error:
            self.reasons.append(str(error))
            return held
        return None

    def park(self, parked: Parked) -> str | None:
        """Park a record; returns as `settle`."""
        record = self._by_position[parked.change.position]
        try:
            self.parked += self._writer.park(parked, record, self._now, self._deadline)
        except OutOfTime as error:
            self.reasons.append(str(error))
            return ""
        return None


def _telling(folder: Folder, changes: Sequence[Change]) -> list[Change]:
    """The changes that matter to a tally; the others touch no row."""
    return [
        change
        for change in changes
        if change.old is None
        or change.new is None
        or folder.sees_difference(change.old, change.new)
    ]
