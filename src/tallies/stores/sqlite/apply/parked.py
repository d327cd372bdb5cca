"""Parked records: listed, retried, discarded."""

import json
from collections.abc import Iterator, Sequence

from tallies.core.errors import InvalidInput, StoreUnavailable, Unfoldable
from tallies.core.fold import Folder, fold
from tallies.core.tally import Number
from tallies.core.times import canonical_time
from tallies.stores.clock import Clock
from tallies.stores.parked import ParkedRecord
from tallies.stores.sqlite.apply.aggregate import load_change
from tallies.stores.sqlite.catalog.catalog import TallyVersion, read_catalog
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.snapshot.mend import add

_DIGITS = 18
"""Of the longest position."""


class Parked:
    """The records that could not be folded, until somebody retries or discards them."""

    def __init__(self, database: Database, names: Names, clock: Clock) -> None:
        self._database = database
        self._names = names
        self._clock = clock
        self._table = quoted(names.parked)

    def count(self) -> int:
        with self._database.connection() as connection:
            (count,) = connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()
        return int(count)

    def records(self) -> Iterator[ParkedRecord]:
        yield from self._records("ORDER BY position, rows_table")

    def _records(self, which: str, *values: object) -> list[ParkedRecord]:
        with self._database.connection() as connection:
            found = connection.execute(
                f"SELECT position, rows_table, tally, reason, content, parked_at FROM {self._table}"
                f" {which}",
                values,
            ).fetchall()
        return [
            ParkedRecord(f"{position}#{table}", tally, reason, json.loads(content), parked_at)
            for position, table, tally, reason, content, parked_at in found
        ]

    def retry(self, record_id: str) -> None:
        record = self._find(record_id)
        change = load_change(dict(record.content))
        with self._database.connection() as connection:
            catalog = read_catalog(connection, self._names)
        table = record_id.partition("#")[2]
        version = next((each for each in catalog.all if each.table == table), None)
        if version is None:
            raise Unfoldable(
                f"There is no tally {record.tally!r} any more as it was when this was parked;"
                " discard it."
            )
        folded = fold([Folder(version.tally)], [change], self._clock())
        if folded.parked:
            raise Unfoldable(folded.parked[0].reason)
        rows = [(*key, amounts) for key, amounts in folded.deltas[version.tally.name].items()]
        self._finish(record_id, rows, version, catalog.epoch)

    def discard(self, record_id: str) -> None:
        self._find(record_id)
        self._finish(record_id)

    def _find(self, record_id: str) -> ParkedRecord:
        position, _, table = record_id.partition("#")
        if position.isascii() and position.isdecimal() and len(position) <= _DIGITS:
            for found in self._records("WHERE position = ? AND rows_table = ?", position, table):
                if found.id == record_id:
                    return found
        raise _missing(record_id)

    def _finish(
        self,
        record_id: str,
        rows: Sequence[tuple[str, str, tuple[Number, ...]]] = (),
        version: TallyVersion | None = None,
        epoch: int | None = None,
    ) -> None:
        """Add the rows, in their epoch, and delete the record, in one transaction."""
        position, _, table = record_id.partition("#")
        with self._database.writing() as connection:
            gone = connection.execute(
                f"DELETE FROM {self._table} WHERE position = ? AND rows_table = ?",
                (int(position), table),
            )
            if gone.rowcount != 1:  # another process was faster
                raise _missing(record_id)
            if version is None:
                return
            if epoch != read_catalog(connection, self._names).epoch:
                raise StoreUnavailable("The tallies are being declared anew; try again.")
            add(connection, self._names, rows, canonical_time(self._clock()), version)


def _missing(record_id: str) -> InvalidInput:
    return InvalidInput(
        f"There is no parked record {record_id!r}; `tallies parked list` shows them."
    )
