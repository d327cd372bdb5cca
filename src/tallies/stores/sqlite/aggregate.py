"""Aggregation: the change log becomes tallies, deltas and position in one transaction."""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

from tallies.core.change import Change
from tallies.core.errors import Unfoldable
from tallies.core.fold import Contribution, Deltas, Folder, Parked, fold
from tallies.core.times import canonical_time
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.protocol import Applied, Clock
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.kept import Kept, read_kept
from tallies.stores.sqlite.rows import add_to, cut_of, drop_zero

BATCH_RECORDS = 500_000
"""The most change records in one transaction."""
BATCH_CONTRIBUTIONS = 20_000
"""A batch grows no further when it has so many different contributions. They, not the records,
decide how long the commit keeps other writers waiting: 0.1 to 0.3 s."""
READ_RECORDS = 20_000
"""Records that are in memory at a time."""
TRIM_RECORDS = 500_000
"""Consumed records that may wait in the log for it to be emptied whole, which costs next to
nothing; beyond this many, parts of it are cut off."""

# What the fold needs of a record, as one line of text: sign, cut time, group. One long text for
# the whole batch is read several times as fast as rows.
_BREAK = "\n"
_TIME = len("+")
_READ = (
    "SELECT count(*), group_concat(iif(amount > 0, '+', '-') || {} || restaurant_id, char(10))"
    " FROM changes WHERE position > ? AND position <= ?"
)


class _Part(NamedTuple):
    """What a batch adds to one tally."""

    table: str
    deltas: Deltas
    parked: Sequence[Parked]


class LogAggregator:
    """Carries the change log into the tallies. Any number may run; each record counts once."""

    def __init__(self, database: Database, clock: Clock, batch: int = BATCH_RECORDS) -> None:
        self._database = database
        self._clock = clock
        self.batch = batch
        self._kept = Kept(0, FAVORITES)
        self._folders: list[tuple[Folder, str]] = []

    def step(self) -> Applied:
        """Apply the next batch of the log; `records` is 0 when there is none."""
        started = perf_counter()
        with self._database.reading() as connection:
            self._keep(read_kept(connection))
            (first,) = connection.execute("SELECT position FROM positions").fetchone()
            (newest,) = connection.execute("SELECT max(position) FROM changes").fetchone()
            if newest is None or newest <= first:
                return Applied(0)
            end = min(newest, first + self.batch)
            nets: list[Counter[Contribution]] = [Counter() for _ in self._folders]
            last, records, count, whole = first, 0, 0, True
            while last < end and sum(map(len, nets)) < BATCH_CONTRIBUTIONS:
                since, last = last, min(last + READ_RECORDS, end)
                for (folder, _), net in zip(self._folders, nets, strict=True):
                    cut = cut_of(folder.tally)
                    read = connection.execute(_READ.format(cut.sql), (since, last))
                    count, text = read.fetchone()
                    whole = _add(net, text or "", _TIME + cut.length) == count and whole
                records += count
        # The fold needs no lock; only the commit keeps others waiting.
        parts = self._fold(nets if whole else [None] * len(nets), first, last)
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

    def _keep(self, kept: Kept) -> None:
        if kept != self._kept:
            self._kept = kept
            self._folders = [(Folder(tally), table) for tally, table in kept.places]

    def _fold(
        self, nets: Sequence[Counter[Contribution] | None], first: int, last: int
    ) -> list[_Part]:
        now = self._clock()
        parts = []
        for (folder, table), net in zip(self._folders, nets, strict=True):
            try:
                if net is not None:
                    parts.append(_Part(table, folder.deltas(net, now), []))
                    continue
            except Unfoldable:
                pass
            folded = fold([folder], self._changes(first, last), now)
            parts.append(_Part(table, folded.deltas[folder.tally.name], folded.parked))
        return parts

    def _changes(self, first: int, last: int) -> list[Change]:
        """The records (first, last] with all that the log knows of them."""
        changes = []
        with self._database.connection() as connection:
            for position, amount, restaurant, user, created in connection.execute(
                "SELECT position, amount, restaurant_id, user_id, created_at FROM changes"
                " WHERE position > ? AND position <= ?",
                (first, last),
            ):
                image: dict[str, Any] = {
                    "restaurant_id": restaurant,
                    "user_id": user,
                    "created_at": created,
                }
                new, old = (image, None) if amount > 0 else (None, image)
                changes.append(Change(old, new, str(position)))
        return changes

    def _commit(self, first: int, last: int, parts: Sequence[_Part]) -> bool:
        """Write deltas and position in one transaction; False when another was faster."""
        now = canonical_time(self._clock())
        adds = [
            (part.table, [(*key, int(n), now) for key, (n,) in part.deltas.items()])
            for part in parts
        ]
        with self._database.writing() as connection:
            # Not in a later epoch: there the records would be missing in what is new.
            guard = connection.execute(
                "UPDATE positions SET position = ?, revision = revision + 1 WHERE position = ?"
                " AND (SELECT epoch FROM kept) = ?",
                (last, first, self._kept.epoch),
            )
            if guard.rowcount != 1:
                return False
            for table, rows in adds:
                connection.executemany(add_to(table), rows)
                connection.executemany(drop_zero(table), (row[:2] for row in rows if row[2] < 0))
            connection.executemany(
                "INSERT INTO parked VALUES (?, ?, ?, ?, ?)",
                (
                    (int(p.change.position), p.tally, p.reason, _content(p.change), now)
                    for part in parts
                    for p in part.parked
                ),
            )
            _trim(connection, last)
        return True


def _add(net: Counter[Contribution], text: str, group: int) -> int:
    """Add the records that `_READ` gave; how many lines they were.

    An id with a line break in it (no id of ours has one) makes more lines than records.
    """
    counted = Counter(text.split(_BREAK)) if text else Counter[str]()
    for line, n in counted.items():
        net[line[group:], line[_TIME:group]] += n if line[0] == "+" else -n
    return counted.total()


def _trim(connection: sqlite3.Connection, last: int) -> None:
    oldest, newest = connection.execute(
        "SELECT (SELECT min(position) FROM changes), (SELECT max(position) FROM changes)"
    ).fetchone()
    if newest <= last:
        connection.execute("DELETE FROM changes")
    elif last - oldest >= TRIM_RECORDS:
        end = min(last, oldest + TRIM_RECORDS // 4)
        connection.execute("DELETE FROM changes WHERE position <= ?", (end,))


def _content(change: Change) -> str:
    return json.dumps({"old": change.old, "new": change.new, "position": change.position})
