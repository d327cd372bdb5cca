"""The judgement of one snapshot: what differs, and, if asked to, its mending."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tallies.stores.drifts import Drifts
from tallies.stores.dynamodb.paging import batches
from tallies.stores.dynamodb.snapshot.differences import Compared
from tallies.stores.dynamodb.snapshot.mend import Mender
from tallies.stores.dynamodb.snapshot.snapshot import Snapshot
from tallies.stores.dynamodb.snapshot.spill import Spill
from tallies.stores.dynamodb.transactions import MAX_ACTIONS
from tallies.stores.protocol import Clock, Drift, Verified


@dataclass(kw_only=True)
class Proof(Snapshot):
    """A snapshot that is judged, and acted upon."""

    clock: Clock
    epoch: int

    def spill(self, file: Path | None) -> Spill:
        """Where it gathers."""
        return Spill(file, len(self.folder.tally.components))

    def judged(self, spill: Spill, key: Sequence[str], mender: Mender | None) -> Verified:
        """What differs; with a mender, it is added."""
        checked = groups = drifted_groups = 0

        def differing() -> Iterator[Compared]:
            nonlocal checked, groups, drifted_groups
            for _, rows in groupby(self.compared(spill, key, self.clock()), key=_group):
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
                    mender.add(self.folder.tally.name, some)
                for row in some:
                    yield from _drifts(row, self.folder.tally.components)

        found = Drifts(drifted())
        return Verified(checked, found, groups, drifted_groups, self.folder.tally)


def _drifts(row: Compared, components: Sequence[str]) -> Iterator[Drift]:
    for expected, actual, name in zip(row.expected, row.actual, components, strict=True):
        if expected != actual:
            yield Drift(row.group, row.window, expected, actual, name)


def _group(row: Compared) -> str:
    return row.group
