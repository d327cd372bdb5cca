"""The proof of one tally: what differs in its snapshot, and, if asked for, its mending."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

from tallies.core.tally import Tally
from tallies.stores.clock import Clock
from tallies.stores.drifts import Drifts
from tallies.stores.dynamodb.apply.buckets import RowName
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS
from tallies.stores.dynamodb.client.paging import batches
from tallies.stores.dynamodb.snapshot.mend.menders import Menders
from tallies.stores.dynamodb.snapshot.mend.misplaced import misplaced
from tallies.stores.dynamodb.snapshot.snapshot import Snapshot
from tallies.stores.dynamodb.snapshot.spill.differences import Compared, is_over
from tallies.stores.dynamodb.snapshot.spill.spill import UNCOUNTED_ROWS, Spill
from tallies.stores.verified import Drift, Verified


@dataclass(kw_only=True)
class Proof(Snapshot):
    """A snapshot whose differences are found, and mended."""

    clock: Clock
    epoch: int
    declared: Tally | None = None
    """The tally under the name that people know, where that is another one."""

    def spill(self, file: Path | None) -> Spill:
        """The spill in which the snapshot gathers."""
        return Spill(file, len(self.folder.tally.components))

    def judged(self, spill: Spill, key: Sequence[str], menders: Menders | None) -> Verified:
        """What differs; menders, if given, add it."""
        checked = groups = drifted_groups = 0
        unfit: set[str] | None = None  # groups that have rows in wrong buckets
        counted: set[str] = set()  # those of them that also drift

        def differing() -> Iterator[Compared]:
            nonlocal checked, groups, drifted_groups, unfit
            for group, rows in groupby(self.compared(spill, key, self.clock()), key=_group):
                if unfit is None:  # every row has been read by now
                    unfit = {name for name, _ in self._unfit}
                groups += 1
                drifts = False
                for row in rows:
                    checked += 1
                    if any(row.difference):
                        drifts = True
                        self._unfit.discard((row.group, row.window))  # mended with the row
                        yield row
                drifted_groups += drifts
                if drifts and group in unfit:
                    counted.add(group)

        def drifted() -> Iterator[Drift]:
            rows = differing()
            first = next(rows, None)
            floor = self.floor() if self.in_rows else {}
            every = () if first is None else chain([first], rows)
            for some in batches(every, MAX_ACTIONS - 1):
                if menders is not None:
                    menders.add(self.folder.tally.name, some, floor)
                for row in some:
                    yield from _drifts(row, self.folder.tally.components)
            if menders is not None:
                menders.finish()
            found = self._misplaced()
            if menders is not None:
                table = self.names.rows(self.folder.tally.name)
                menders.fit([RowName(table, row.group, row.window) for row in found])
            nonlocal drifted_groups
            drifted_groups += len({row.group for row in found} - counted)
            yield from found

        found = Drifts(drifted())
        uncounted = spill.fact(UNCOUNTED_ROWS) or {}
        return Verified(
            checked,
            found,
            groups,
            drifted_groups,
            self.declared or self.folder.tally,
            uncounted_by=uncounted,
        )

    def _misplaced(self) -> Sequence[Drift]:
        """The rows that stay in wrong buckets, in windows that are kept."""
        now = self.clock()
        places = [place for place in self._unfit if not is_over(self.folder, place[1], now)]
        if self._ranked is None or not places:
            return []
        table = self.names.rows(self.folder.tally.name)
        return misplaced(self.client, table, self._ranked, places, self.settle_seconds)


def _drifts(row: Compared, components: Sequence[str]) -> Iterator[Drift]:
    for expected, actual, name in zip(row.expected, row.actual, components, strict=True):
        if expected != actual:
            yield Drift(row.group, row.window, expected, actual, name)


def _group(row: Compared) -> str:
    return row.group
