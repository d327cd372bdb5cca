"""A batch on its way into the tallies, and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tallies.core.fold import Folded
from tallies.stores.dynamodb.apply.buckets import RowName
from tallies.stores.dynamodb.apply.progress import Progress
from tallies.stores.dynamodb.stream.records import StreamRecord, in_order

BATCH_SECONDS = 60.0
"""How long a batch without a deadline is tried."""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a batch."""

    records: int
    """Change records that are in the tallies now and were not before."""
    duplicates: int = 0
    """Change records that had been applied already."""
    parked: int = 0
    """Of `records`, those set aside for at least one tally."""
    fold_seconds: float = 0.0
    commit_seconds: float = 0.0
    unapplied_from: str | None = None
    """The sequence number, as delivered, of the first record that has to come again; None when all
    is done. Deliver it and all after it again: records that have been applied are recognized."""
    reason: str | None = None
    """Why it is not applied."""


class Batch:
    """What is known so far of a batch on its way."""

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
        self.is_partly_in = False
        self.written: list[RowName] = []
        """Rows whose buckets may not fit any more."""
        self.rows_in = 0
        """The epoch for whose tallies all rows that hold their own positions have the batch."""
        self.rows_after = ""
        """The position up to which all of those rows have the batch."""
        self.parked_in_rows = 0
        self._parked: set[str] = set()

    def after(self, position: str) -> list[StreamRecord]:
        """The records that come after a position."""
        return [record for record in self.records if record.change.position > position]

    def meets(self, progress: Progress) -> None:
        """Note whether some lanes have records of the batch already, though not all have."""
        first = self.records[0].change.position
        self.is_partly_in |= any(run.position >= first for run in progress.runs)

    def parks(self, folded: Folded) -> None:
        self._parked.update(parked.change.position for parked in folded.parked)

    def parks_no_more(self, position: str) -> None:
        """Do not count records up to a position as parked: they had been parked before."""
        self._parked = {each for each in self._parked if each > position}

    def result(
        self,
        left: Sequence[StreamRecord] = (),
        reason: str | None = None,
        *,
        unfit: bool = False,
    ) -> ApplyResult:
        """What became of the batch, if the records `left` are not applied, or not to all rows.

        `unfit` says that rows may not be in their buckets: then all of it must be delivered again.
        """
        waiting = sorted(record.change.position for record in left)
        again = self.records[0].sequence_number if unfit else None
        return ApplyResult(
            records=max(0, len(self.records) - self.duplicates - len(left)),
            duplicates=self.duplicates,
            parked=len(self._parked.difference(waiting)) + self.parked_in_rows,
            fold_seconds=self.fold_seconds,
            commit_seconds=self.commit_seconds,
            unapplied_from=again
            or (self.by_position[waiting[0]].sequence_number if waiting else None),
            reason=reason if waiting or again else None,
        )
