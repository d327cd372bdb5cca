"""Proof and mending, on top of one snapshot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tallies.core.errors import StoreUnavailable
from tallies.stores.drifts import Drifts
from tallies.stores.dynamodb.errors import HistoryTrimmed
from tallies.stores.dynamodb.paging import batches
from tallies.stores.dynamodb.snapshot.differences import Compared
from tallies.stores.dynamodb.snapshot.horizon import skip_trimmed
from tallies.stores.dynamodb.snapshot.mend import Mender
from tallies.stores.dynamodb.snapshot.snapshot import Snapshot
from tallies.stores.dynamodb.snapshot.spill import Spill
from tallies.stores.dynamodb.transactions import MAX_ACTIONS, Sender
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.protocol import Clock, Drift, Verified


@dataclass(kw_only=True)
class Proof(Snapshot):
    """A snapshot that is judged, and acted upon."""

    clock: Clock
    epoch: int

    def verify(self, file: Path) -> Verified:
        """What differs."""
        try:
            spill = self.spill(file)
        except StoreUnavailable:  # another verify gathers there; this one does without
            spill = self.spill(None)
        with spill:
            return self._judged(spill, None)

    def rebuild(self, file: Path, writer: Writer) -> Verified:
        """Add what differs; what it was.

        Raises:
            StoreUnavailable: another process gathers in `file`, or another rebuild takes over.
        """
        tally = self.folder.tally.name
        mender = Mender(
            self.client,
            Sender(self.once),
            writer,
            self.names.tallies,
            self.names.rows(tally),
            tally,
            self.clock,
        )
        with self.spill(file) as spill:  # before anything that another run would notice
            mender.begin()
            self.skip_trimmed()
            return self._judged(spill, mender)

    def skip_trimmed(self) -> None:
        """Begin with the oldest records that are left, where there were older ones."""
        if not self.marked:
            skip_trimmed(self.client, self.names.tallies, self.stream, self.epoch)

    def spill(self, file: Path | None) -> Spill:
        """Where it gathers."""
        return Spill(file, len(self.folder.tally.components))

    def _judged(self, spill: Spill, mender: Mender | None) -> Verified:
        checked = groups = drifted_groups = 0

        def differing() -> Iterator[Compared]:
            nonlocal checked, groups, drifted_groups
            for _, rows in groupby(self.compared(spill, self.clock()), key=_group):
                groups += 1
                drifts = False
                for row in rows:
                    checked += 1
                    if any(row.difference):
                        drifts = True
                        yield row
                drifted_groups += drifts

        def drifted() -> Iterator[Drift]:
            for some in batches(differing(), MAX_ACTIONS - 1):
                if mender is not None:
                    mender.add(some)
                for row in some:
                    yield from _drifts(row, self.folder.tally.components)

        try:
            found = Drifts(drifted())
        except HistoryTrimmed:
            spill.needed = False  # from there it cannot go on either
            raise
        spill.needed = False
        return Verified(checked, found, groups, drifted_groups)


def _drifts(row: Compared, components: Sequence[str]) -> Iterator[Drift]:
    for expected, actual, name in zip(row.expected, row.actual, components, strict=True):
        if expected != actual:
            yield Drift(row.group, row.window, expected, actual, name)


def _group(row: Compared) -> str:
    return row.group
