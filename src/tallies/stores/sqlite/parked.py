"""Parked records: listed, tried again, given up."""

import json
from collections.abc import Iterator, Sequence

from tallies.core.change import Change
from tallies.core.errors import InvalidInput, StoreUnavailable, Unfoldable
from tallies.core.fold import Folder, fold
from tallies.core.times import canonical_time
from tallies.stores.protocol import Clock, ParkedRecord
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.kept import LIVE, read_kept
from tallies.stores.sqlite.mend import add

_SELECT = "SELECT position, tally, reason, content, parked_at FROM parked"


class Parked:
    """The records that no tally could take in, until somebody decides about them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def count(self) -> int:
        with self._database.connection() as connection:
            (count,) = connection.execute("SELECT count(*) FROM parked").fetchone()
        return int(count)

    def records(self) -> Iterator[ParkedRecord]:
        with self._database.connection() as connection:
            found = connection.execute(f"{_SELECT} ORDER BY position, tally").fetchall()
        for position, tally, reason, content, parked_at in found:
            yield ParkedRecord(f"{position}#{tally}", tally, reason, json.loads(content), parked_at)

    def retry(self, record_id: str) -> None:
        record = self._find(record_id)
        change = Change(
            record.content["old"], record.content["new"], str(record.content["position"])
        )
        with self._database.connection() as connection:
            kept = read_kept(connection)
        found = [place for place in kept.places if place[0].name == record.tally]
        if not found:
            raise Unfoldable(f"There is no tally {record.tally!r} any more; discard it.")
        ((tally, table),) = found
        folded = fold([Folder(tally)], [change], self._clock())
        if folded.parked:
            raise Unfoldable(folded.parked[0].reason)
        rows = [(*key, int(n)) for key, (n,) in folded.deltas[tally.name].items()]
        self._finish(record_id, rows, table, kept.epoch)

    def discard(self, record_id: str) -> None:
        self._find(record_id)
        self._finish(record_id)

    def _find(self, record_id: str) -> ParkedRecord:
        found = next((each for each in self.records() if each.id == record_id), None)
        if found is None:
            raise _missing(record_id)
        return found

    def _finish(
        self,
        record_id: str,
        rows: Sequence[tuple[str, str, int]] = (),
        table: str = LIVE,
        epoch: int | None = None,
    ) -> None:
        """Add the rows, in their epoch, and let the record go, in one transaction."""
        position, _, tally = record_id.partition("#")
        with self._database.writing() as connection:
            gone = connection.execute(
                "DELETE FROM parked WHERE position = ? AND tally = ?", (int(position), tally)
            )
            if gone.rowcount != 1:  # somebody was faster
                raise _missing(record_id)
            if epoch not in (None, read_kept(connection).epoch):
                raise StoreUnavailable("The tallies are being declared anew; try again.")
            add(connection, rows, canonical_time(self._clock()), table)


def _missing(record_id: str) -> InvalidInput:
    return InvalidInput(
        f"There is no parked record {record_id!r}; `tallies parked list` shows them."
    )
