"""Aggregation: the change log becomes tallies, deltas and position in one transaction."""

import json
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

BATCH_RECORDS = 10_000
"""The most change records in one transaction: larger ones fold better but hold the lock longer."""

_HOUR = 13  # characters of a canonical time that decide every window of the tally
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
            (last,) = connection.execute("SELECT max(position) FROM changes").fetchone()
            if last is None or last <= first:
                return Applied(0)
            last = min(last, first + self.batch)
            counted = Counter(
                connection.execute(
                    "SELECT restaurant_id, substr(created_at, 1, ?), amount FROM changes"
                    " WHERE position > ? AND position <= ?",
                    (_HOUR, first, last),
                )
            )
        records = counted.total()
        # The fold needs no lock; only the commit keeps others waiting.
        deltas, parked = self._fold(counted, first, last)
        folded = perf_counter()
        applied = self._commit(first, last, deltas, parked)
        return Applied(
            records=records if applied else 0,
            duplicates=0 if applied else records,
            parked=len(parked) if applied else 0,
            fold_seconds=folded - started,
            commit_seconds=perf_counter() - folded,
        )

    def _fold(
        self, counted: Counter[tuple[str, str, int]], first: int, last: int
    ) -> tuple[Deltas, list[Parked]]:
        net: Counter[Contribution] = Counter()
        for (group, hour, amount), n in counted.items():
            net[group, hour] += n * amount
        try:
            return self._folder.deltas(net), []
        except Unfoldable:
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
        adds = [(*key, int(n), now) for key, (n,) in sorted(deltas.items())]
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
            connection.execute("DELETE FROM changes WHERE position <= ?", (last,))
        return True


def _content(change: Change) -> str:
    return json.dumps({"old": change.old, "new": change.new, "position": change.position})
