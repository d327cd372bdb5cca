"""The lease: of all processes on one file, one aggregates; when it dies, another takes over.

The holder counts a beat on; nobody compares clocks. Whoever has seen no new beat for a while, by
its own watch, takes the lease over. A clock that is hours off, or is set in mid-life, changes
nothing about it.

The lease only saves work. Exactness does not rest on it: two holders at once (a suspended laptop)
are told apart by the guard on the position in every commit.
"""

import os
import secrets
import socket
from collections.abc import Callable
from time import monotonic, sleep, time
from typing import NamedTuple

from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.names import Names, quoted

LEASE_SECONDS = 3.0
"""How long a dead holder keeps others waiting."""
BEAT_SECONDS = 1.0
LOOK_SECONDS = 0.5
"""Between two looks of one who waits for the lease."""
BEAT_PATIENCE_SECONDS = 1.5
"""How long whoever looks only once waits for a new beat, where the clocks do not tell."""

Watch = Callable[[], float]
"""Gives seconds that only ever grow, by a clock that nobody sets."""


class Beat(NamedTuple):
    """What the row of a lease says."""

    holder: str
    number: int
    at: float
    """When it was counted, by the holder's clock, in seconds since 1970. For people."""


class Lease:
    """A right to aggregate, kept by a beat now and then."""

    def __init__(
        self,
        database: Database,
        names: Names,
        name: str = "aggregator",
        watch: Watch = monotonic,
    ) -> None:
        self._database = database
        self._names = names
        self._table = quoted(names.leases)
        self._name = name
        self._watch = watch
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._held = False
        self._seen: tuple[str, int] | None = None
        """The newest beat of another, first seen at `_seen_at`."""
        self._seen_at = 0.0
        self.due = 0.0
        """When `hold` has something to do again, by the watch."""

    def hold(self) -> bool:
        """Take the lease, or keep it; False when another has it. Seldom writes."""
        now = self._watch()
        if self._held and now < self.due:
            return True
        beat = _read(self._database, self._names, self._name)
        self._held = self._take(beat, now)
        if self._held:
            self.due = now + BEAT_SECONDS
        else:
            self.due = min(now + LOOK_SECONDS, max(now, self._seen_at + LEASE_SECONDS))
        return self._held

    def _take(self, beat: Beat | None, now: float) -> bool:
        """Whether the lease is ours, after this beat was read."""
        known = None if beat is None else (beat.holder, beat.number)
        if known is not None and known[0] != self.holder:
            if known != self._seen:
                self._seen, self._seen_at = known, now
            if now - self._seen_at < LEASE_SECONDS:
                return False  # standing by takes no write lock
        with self._database.writing() as connection:
            if known is None:
                taken = connection.execute(
                    f"INSERT INTO {self._table} (name, holder, beat, beat_at) VALUES (?, ?, 1, ?)"
                    " ON CONFLICT DO NOTHING",
                    (self._name, self.holder, time()),
                )
            else:
                taken = connection.execute(
                    f"UPDATE {self._table} SET holder = ?, beat = beat + 1, beat_at = ?"
                    " WHERE name = ? AND holder = ? AND beat = ?",
                    (self.holder, time(), self._name, *known),
                )
        return taken.rowcount == 1

    def release(self) -> None:
        """Give it back, so that another need not wait."""
        self._held = False
        with self._database.writing() as connection:
            connection.execute(
                f"DELETE FROM {self._table} WHERE name = ? AND holder = ?",
                (self._name, self.holder),
            )


def lease_holder(database: Database, names: Names, name: str = "aggregator") -> str | None:
    """Who holds the lease now; None when nobody does.

    At once, as a rule. Where the last beat is not of these seconds by the clock (its holder is
    dead, or one of the two clocks is wrong), it waits for a new beat for a moment.
    """
    beat = first = _read(database, names, name)
    until = monotonic() + BEAT_PATIENCE_SECONDS
    while beat is not None and beat == first and not 0 <= time() - beat.at < LEASE_SECONDS:
        if monotonic() >= until:
            return None
        sleep(BEAT_PATIENCE_SECONDS / 30)
        beat = _read(database, names, name)
    return beat and beat.holder


def _read(database: Database, names: Names, name: str) -> Beat | None:
    with database.connection() as connection:
        row = connection.execute(
            f"SELECT holder, beat, beat_at FROM {quoted(names.leases)} WHERE name = ?", (name,)
        ).fetchone()
    return row and Beat(*row)
