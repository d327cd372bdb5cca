"""Aggregation: the change log becomes tallies, deltas and position in one transaction."""

import json
import sqlite3
from collections import Counter
from time import perf_counter
from typing import Any

from tallies.core.change import Change
from tallies.core.errors import Unfoldable
from tallies.core.fold import Contribution, Deltas, Folder, Parked, fold
from tallies.core.times import canonical_time
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.protocol import Applied, Clock
from tallies.stores.sqlite.database import Database

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

# What the fold needs of a record, as one line of text: sign, day (which decides every window of
# the tally), group. One long text for the whole batch is read several times as fast as rows.
_BREAK = "\n"
_TIME = len("+")
_GROUP = len("+2026-11-23")
_READ = (
    "SELECT count(*), group_concat("
    " iif(amount > 0, '+', '-') || substr(created_at, 1, 10) || restaurant_id, char(10)"
    ") FROM changes WHERE position > ? AND position <= ?"
)
_ADD = (
    'INSERT INTO tallies ("group", time_window, favorites, updated_at) VALUES (?, ?, ?, ?)'
    " ON CONFLICT DO UPDATE SET favorites = favorites + excluded.favorites,"
    " updated_at = excluded.updated_at"
)
_DROP_ZERO = 'DELETE FROM tallies WHERE "group" = ? AND time_window = ? AND favorites = 0'


class LogAggregator:
    """Carries the change log into the tallies. Any number may run; each record counts once."""

    def __init__(self, database: Database, clock: Clock, batch: int = BATCH_RECORDS) -> None:
        self._database = database
        self._clock = clock
        self.batch = batch
        self._folder = Folder(FAVORITES)

    def step(self) -> Applied:
        """Apply the next batch of the log; `records` is 0 when there is none."""
        started = perf_counter()
        with self._database.reading() as connection:
            (first,) = connection.execute("SELECT position FROM positions").fetchone()
            (newest,) = connection.execute("SELECT max(position) FROM changes").fetchone()
            if newest is None or newest <= first:
                return Applied(0)
            end = min(newest, first + self.batch)
            net: Counter[Contribution] = Counter()
            last, records, whole = first, 0, True
            while last < end and len(net) < BATCH_CONTRIBUTIONS:
                since, last = last, min(last + READ_RECORDS, end)
                count, text = connection.execute(_READ, (since, last)).fetchone()
                records += count
                whole = _add(net, text or "") == count and whole
        # The fold needs no lock; only the commit keeps others waiting.
        deltas, parked = self._fold(net if whole else None, first, last)
        folded = perf_counter()
        applied = self._commit(first, last, deltas, parked)
        return Applied(
            records=records if applied else 0,
            duplicates=0 if applied else records,
            parked=len(parked) if applied else 0,
            more=last < newest,
            fold_seconds=folded - started,
            commit_seconds=perf_counter() - folded,
        )

    def _fold(
        self, net: Counter[Contribution] | None, first: int, last: int
    ) -> tuple[Deltas, list[Parked]]:
        try:
            if net is not None:
                return self._folder.deltas(net), []
        except Unfoldable:
            pass
        folded = fold([self._folder], self._changes(first, last))
        return folded.deltas[FAVORITES.name], list(folded.parked)

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

    def _commit(self, first: int, last: int, deltas: Deltas, parked: list[Parked]) -> bool:
        """Write deltas and position in one transaction; False when another was faster."""
        now = canonical_time(self._clock())
        adds = [(*key, int(n), now) for key, (n,) in deltas.items()]
        with self._database.writing() as connection:
            guard = connection.execute(
                "UPDATE positions SET position = ?, revision = revision + 1 WHERE position = ?",
                (last, first),
            )
            if guard.rowcount != 1:
                return False
            connection.executemany(_ADD, adds)
            connection.executemany(_DROP_ZERO, (add[:2] for add in adds if add[2] < 0))
            connection.executemany(
                "INSERT INTO parked VALUES (?, ?, ?, ?, ?)",
                (
                    (int(p.change.position), p.tally, p.reason, _content(p.change), now)
                    for p in parked
                ),
            )
            _trim(connection, last)
        return True


def _add(net: Counter[Contribution], text: str) -> int:
    """Add the records that `_READ` gave; how many lines they were.

    An id with a line break in it (no id of ours has one) makes more lines than records.
    """
    counted = Counter(text.split(_BREAK)) if text else Counter[str]()
    for line, n in counted.items():
        net[line[_GROUP:], line[_TIME:_GROUP]] += n if line[0] == "+" else -n
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
