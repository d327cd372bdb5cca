"""The lease: of all processes on one file, one aggregates; when it dies, another takes over.

The lease only saves work. Exactness does not rest on it: two holders at once (a stopped clock, a
suspended laptop) are told apart by the guard on the position in every commit.
"""

import os
import secrets
import socket
from time import monotonic, time

from tallies.stores.sqlite.database import Database

LEASE_SECONDS = 3.0
"""How long a dead holder keeps others waiting."""


class Lease:
    """A right to aggregate, held for a few seconds and renewed while it is used."""

    def __init__(self, database: Database, name: str = "aggregator") -> None:
        self._database = database
        self._name = name
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._renew_at = 0.0
        self._held = False

    def hold(self) -> bool:
        """Take the lease, or keep it; False when another has it. Seldom writes."""
        if self._held and monotonic() < self._renew_at:
            return True
        now = time()
        with self._database.connection() as connection:
            found = connection.execute(
                "SELECT holder, expires_at FROM leases WHERE name = ?", (self._name,)
            ).fetchone()
            if found and found[0] != self.holder and found[1] > now:
                self._held = False
                return False  # standing by takes no write lock
        with self._database.writing() as connection:
            taken = connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET holder = excluded.holder, expires_at = excluded.expires_at"
                " WHERE holder = excluded.holder OR expires_at <= ?",
                (self._name, self.holder, now + LEASE_SECONDS, now),
            )
            self._held = taken.rowcount == 1
        self._renew_at = monotonic() + LEASE_SECONDS / 3
        return self._held

    def release(self) -> None:
        """Give it back, so that another need not wait."""
        self._held = False
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM leases WHERE name = ? AND holder = ?", (self._name, self.holder)
            )


def lease_holder(database: Database, name: str = "aggregator") -> str | None:
    """Who holds the lease now; None when nobody does."""
    with database.connection() as connection:
        row = connection.execute(
            "SELECT holder FROM leases WHERE name = ? AND expires_at > ?", (name, time())
        ).fetchone()
    return row[0] if row else None
