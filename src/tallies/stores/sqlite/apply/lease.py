"""The lease: one of all processes on a file aggregates; when it dies, another takes over.

The holder keeps raising a beat; no clocks are compared. A process that has seen no new beat for a
while, by its own monotonic clock, takes over the lease. A clock that is hours off, or is set
meanwhile, does no harm.

The lease only saves work. Exactness does not rest on it: if there are two holders at once (a
suspended laptop), the guard on the position lets each batch be committed only once.
"""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic, sleep, time
from typing import NamedTuple

from tallies.core.errors import TalliesError
from tallies.stores.sqlite.connection.database import Database
from tallies.stores.sqlite.rows.names import Names, quoted

LEASE_SECONDS = 3.0
"""How long a dead holder keeps others waiting."""
BEAT_SECONDS = 1.0
LOOK_SECONDS = 0.5
"""The pause between two reads by a process that waits for the lease."""
BEAT_PATIENCE_SECONDS = 1.5
"""How long `lease_holder` waits for a new beat, where the clocks do not settle it."""

Watch = Callable[[], float]
"""Returns seconds of a monotonic clock."""


class Beat(NamedTuple):
    """What the row of a lease says."""

    holder: str
    number: int
    at: float
    """When it was written, by the holder's clock, in seconds since 1970. `hold` ignores it."""


class Lease:
    """A right to aggregate, kept by regular beats."""

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
        """The newest beat of another holder, first seen at `_seen_at`."""
        self._seen_at = 0.0
        self.due = 0.0
        """When `hold` next has something to do, by the watch."""

    def hold(self) -> bool:
        """Take the lease, or keep it; False when another process has it. Seldom writes."""
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
                return False  # waiting takes no write lock
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

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keep the lease while one piece of work goes on, by a thread; then give it back."""
        over = Event()

        def beat() -> None:
            while not over.wait(BEAT_SECONDS):
                with suppress(TalliesError):  # the next beat may do
                    self.hold()

        thread = Thread(target=beat, name="tallies-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.release()

    def release(self) -> None:
        """Give the lease back, so that another process need not wait."""
        self._held = False
        with self._database.writing() as connection:
            connection.execute(
                f"DELETE FROM {self._table} WHERE name = ? AND holder = ?",
                (self._name, self.holder),
            )


def lease_holder(database: Database, names: Names, name: str = "aggregator") -> str | None:
    """Who holds the lease now; None when nobody does.

    It answers at once, as a rule. Where the last beat is not recent by the clock (its holder is
    dead, or one of the two clocks is wrong), it waits a moment for a new beat.
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
