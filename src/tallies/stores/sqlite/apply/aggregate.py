"""Aggregation: the change log becomes tallies, deltas and position in one transaction."""

import json
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

from tallies.core.change import Change
from tallies.core.errors import Unfoldable
from tallies.core.fold import Deltas, Parked, fold
from tallies.core.times import canonical_time
from tallies.stores.clock import Clock
from tallies.stores.protocol import Applied
from tallies.stores.sqlite.catalog.catalog import Catalog, TallyVersion, read_catalog
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.rows.rows import RowsTable
from tallies.stores.sqlite.source.log import LogReader, Net, mark_end
from tallies.stores.sqlite.source.triggers import log_attributes

BATCH_RECORDS = 500_000
"""The most change records in one transaction."""
BATCH_CONTRIBUTIONS = 20_000
"""A batch grows no further when it has this many different contributions. Their number, not that of
the records, decides how long the commit keeps other writers waiting: 0.1 to 0.3 s."""
READ_RECORDS = 20_000
"""How many records are in memory at a time."""
TRIM_RECORDS = 500_000
"""How many applied records may stay in the log until it can be emptied whole, which costs next to
nothing; beyond this many, parts of it are deleted."""


class _Part(NamedTuple):
    """What a batch adds to one tally."""

    version: TallyVersion
    deltas: Deltas
    parked: Sequence[Parked]


class LogAggregator:
    """Carries the change log into the tallies. Any number may run; each record counts once."""

    def __init__(
        self, database: Database, names: Names, clock: Clock, batch: int = BATCH_RECORDS
    ) -> None:
        self._database = database
        self._names = names
        self._clock = clock
        self.batch = batch
        self._catalog = Catalog(0, "", ())
        self._reader = LogReader(names, self._catalog)
        self._tables: dict[str, RowsTable] = {}

    def step(self) -> Applied:
        """Apply the next batch of the log; `records` is 0 when there is none."""
        started = perf_counter()
        with self._database.reading() as connection:
            self._keep(connection)
            first, newest = connection.execute(
                f"SELECT position, (SELECT max(position) FROM {quoted(self._names.log)})"
                f" FROM {quoted(self._names.catalog)}"
            ).fetchone()
            if newest is None or newest <= first:
                return Applied(0)
            end = self._end(first, min(newest, first + self.batch))
            nets: list[Net | None] = [Net() for _ in self._catalog.all]
            last, records = first, 0
            while last < end and sum(map(len, filter(None, nets))) < BATCH_CONTRIBUTIONS:
                since, last = last, min(last + READ_RECORDS, end)
                count, nets = self._reader.add_to(nets, connection, since, last)
                records += count
        # The fold needs no lock; only the commit keeps other writers waiting.
        parts = self._fold(nets, first, last)
        parked = sum(len(part.parked) for part in parts)
        folded = perf_counter()
        applied = self._commit(first, last, parts)
        return Applied(
            records=records if applied else 0,
            duplicates=0 if applied else records,
            parked=parked if applied else 0,
            more=last < newest,
            fold_seconds=folded - started,
            commit_seconds=perf_counter() - folded,
        )

    def _keep(self, connection: sqlite3.Connection) -> None:
        catalog = read_catalog(connection, self._names)
        if catalog != self._catalog:
            self._catalog = catalog
            attributes = log_attributes(connection, self._names)
            self._reader = LogReader(self._names, catalog, attributes)
            self._tables = {version.table: RowsTable(version) for version in catalog.all}

    def _end(self, first: int, end: int) -> int:
        """The end of a batch: not beyond where a tally begins to take records."""
        begins = [version.since for version in self._catalog.all if first < version.since]
        return min([end, *begins])

    def _fold(self, nets: Sequence[Net | None], first: int, last: int) -> list[_Part]:
        now = self._clock()
        parts = []
        changes: list[Change] | None = None
        contributions = self._reader.contributions(nets)
        for version, folder, net in zip(
            self._catalog.all, self._reader.folders, contributions, strict=True
        ):
            if last <= version.since:
                continue
            try:
                if net is not None:
                    parts.append(_Part(version, folder.deltas(net, now), []))
                    continue
            except Unfoldable:
                pass
            if changes is None:
                with self._database.connection() as connection:
                    changes = self._reader.changes(connection, first, last)
            folded = fold([folder], changes, now)
            parts.append(_Part(version, folded.deltas[version.tally.name], folded.parked))
        return parts

    def _commit(self, first: int, last: int, parts: Sequence[_Part]) -> bool:
        """Write deltas and position in one transaction; False if another process was faster."""
        names = self._names
        now = canonical_time(self._clock())
        adds = []
        for part in parts:
            table = self._tables[part.version.table]
            lines = table.lines(part.deltas.items(), now)
            sinks = [key for key, amounts in part.deltas.items() if amounts[0] < 0]
            adds.append((table, lines, sinks))
        with self._database.writing() as connection:
            # Not in a later epoch: new tallies would lack the records.
            guard = connection.execute(
                f"UPDATE {quoted(names.catalog)} SET position = ?, revision = revision + 1"
                " WHERE position = ? AND epoch = ?",
                (last, first, self._catalog.epoch),
            )
            if guard.rowcount != 1:
                return False
            for table, lines, sinks in adds:
                connection.executemany(table.add, lines)
                connection.executemany(table.drop_zero, sinks)
            connection.executemany(
                f"INSERT OR REPLACE INTO {quoted(names.parked)} VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (
                        int(each.change.position),
                        part.version.table,
                        each.tally,
                        each.reason,
                        dump_change(each.change),
                        now,
                    )
                    for part in parts
                    for each in part.parked
                ),
            )
            _trim(connection, names, last)
        return True


def _trim(connection: sqlite3.Connection, names: Names, last: int) -> None:
    log = quoted(names.log)
    oldest, newest = connection.execute(
        f"SELECT (SELECT min(position) FROM {log}), (SELECT max(position) FROM {log})"
    ).fetchone()
    if newest <= last:
        connection.execute(f"DELETE FROM {log}")
        mark_end(connection, names, newest)
    elif last - oldest >= TRIM_RECORDS:
        end = min(last, oldest + TRIM_RECORDS // 4)
        connection.execute(f"DELETE FROM {log} WHERE position <= ?", (end,))
    # No other statement is running now: all notes are of statements that are over.
    for notes in names.insert_conflicts, names.update_conflicts:
        connection.execute(f"DELETE FROM {quoted(notes)}")


def dump_change(change: Change) -> str:
    """A change as JSON, exactly."""
    return json.dumps(
        {"old": change.old, "new": change.new, "position": change.position}, default=_bytes
    )


def load_change(content: dict[str, Any]) -> Change:
    """Undo `dump_change`, after JSON."""
    old, new = (_undone(content[which]) for which in ("old", "new"))
    return Change(old, new, str(content["position"]))


def _bytes(value: Any) -> Any:
    return {"base64": b64encode(value).decode()}


def _undone(image: dict[str, Any] | None) -> dict[str, Any] | None:
    if image is None:
        return None
    return {
        name: b64decode(value["base64"]) if isinstance(value, dict) else value
        for name, value in image.items()
    }
