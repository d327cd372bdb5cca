"""Transactions on a connection to the one file: begun patiently, and finished whatever happens."""

import sqlite3
from contextlib import suppress
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallies.stores.sqlite.connection.database import Database

BUSY_TIMEOUT_SECONDS = 10.0
"""How long a writer waits for another writer. Commits take milliseconds, so this is for unusual
cases: a stopped process that holds the lock, a disk that hangs."""
SHORTEST_WAIT_SECONDS = 0.00005
LONGEST_WAIT_SECONDS = 0.005
"""The wait between two checks whether another process has finished writing. SQLite's own waits
begin at a millisecond and grow fast; most commits are over long before."""

LEFT_ALONE: list[sqlite3.Connection] = []
"""Connections of a process that this one was forked from. Dropping the reference would close
one."""


class Reading:
    """A reader's use of a connection, for a `with` statement. Plain, since this is a hot path."""

    __slots__ = ("_begin", "_connection", "_database", "_forks")
    _connection: sqlite3.Connection

    def __init__(self, database: "Database", begin: str) -> None:
        self._database = database
        self._begin = begin
        self._forks = database.forks

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection = self._database.take()
            if self._begin:
                self._connection.execute(self._begin)
        except sqlite3.Error as error:
            if hasattr(self, "_connection"):
                self._database.give_back(self._connection)
            self._database.explain(error)
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._forks != self._database.forks:
            LEFT_ALONE.append(self._connection)
            return
        try:
            error = _finish(self._connection, error)
        finally:
            self._database.give_back(self._connection)
        if isinstance(error, sqlite3.Error):
            self._database.explain(error)


class Writing:
    """A write transaction, for a `with` statement."""

    __slots__ = ("_connection", "_database", "_forks")
    _connection: sqlite3.Connection

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._forks = database.forks

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection = self._database.begin()
        except sqlite3.Error as error:
            self._database.explain(error)
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._forks != self._database.forks:  # the parent process commits what it began
            LEFT_ALONE.append(self._connection)
            return
        try:
            error = _finish(self._connection, error)
        finally:
            self._database.end(self._connection)
        if isinstance(error, sqlite3.Error):
            self._database.explain(error)


def patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Begin to write as soon as no other process writes, or commit as soon as none reads.

    A commit has to wait only in a database that is not in WAL mode, which another program made.
    """
    started = None
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            now = monotonic()
            started = started or now
            if now - started >= BUSY_TIMEOUT_SECONDS:
                raise
        # In proportion to the wait so far: soon back after a short commit, without hammering during
        # a long one.
        wait = max(SHORTEST_WAIT_SECONDS, (now - started) / 4)
        sleep(min(wait, LONGEST_WAIT_SECONDS))


def _finish(connection: sqlite3.Connection, error: BaseException | None) -> BaseException | None:
    """Commit, or roll back after an error; returns the first error, if any."""
    try:
        if connection.in_transaction:
            patiently(connection, "COMMIT" if error is None else "ROLLBACK")
    except sqlite3.Error as failure:
        error = error or failure
        with suppress(sqlite3.Error):  # some errors have rolled back already
            connection.execute("ROLLBACK")
    return error
