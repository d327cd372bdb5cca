"""Connections to the one file: how they are opened and pooled."""

import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Literal, NoReturn, TypeVar
from urllib.parse import quote

from tallies.core.errors import (
    NotInitialised,
    StoreError,
    StoreUnavailable,
)
from tallies.stores.sqlite.connection import forks, log_file, transactions
from tallies.stores.sqlite.connection.explain import explain
from tallies.stores.sqlite.connection.log_file import LogFile
from tallies.stores.sqlite.connection.place import Place
from tallies.stores.sqlite.connection.transactions import (
    LEFT_ALONE,
    LONGEST_WAIT_SECONDS,
    Reading,
    Writing,
    patiently,
)
from tallies.stores.sqlite.connection.writer_lock import WriterLock

CACHE_KIB = 32_768
"""The most that one connection caches of the file; SQLite's own 2 MB would spill big writes."""
LATE_CHECKPOINT_PAGES = 2 * log_file.CHECKPOINT_PAGES
"""Size of the log at which a writer itself has to checkpoint it, because nobody else has."""
FORK_PATIENCE_SECONDS = 1.0
"""How long a fork waits for other threads to give their connections back."""
LOG_KNOWN_SECONDS = 5.0
"""How long the state of the log that a checkpoint found is considered current."""
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
APPLICATION_ID = 0x54_41_4C_59
"""`TALY`: marks the files that we have made (https://sqlite.org/pragma.html)."""

Synchronous = Literal["normal", "full"]
Made = TypeVar("Made")


class Database(forks.Forkable):
    """Connections to one file. Safe to use from several threads.

    Readers have as many as they need. All that this process writes goes through one: a commit makes
    every other connection drop its cache of the file, and a writer that has to read its pages again
    is slow. A thread that waits for that connection gets it as soon as it is free.

    A process that is forked from this one opens connections of its own (see `forks`).
    """

    def __init__(
        self,
        path: Path,
        synchronous: Synchronous = "normal",
        check: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> None:
        """`check` is called once, before any other use of the database, and may raise."""
        self.path = path
        self._check = check
        self._synchronous = synchronous
        self._idle: deque[sqlite3.Connection] = deque()
        self._checked = False
        self._writer: sqlite3.Connection | None = None
        self._writer_lock = WriterLock()
        self._place = Place(path)
        self._log: tuple[float, LogFile] | None = None
        self._stopped = False
        """Whether a fork that is under way holds the writer's lock."""
        self._pool = Lock()
        """Held while a connection is taken or given back, and during a fork."""
        self._in_use = 0
        self.forks = 0
        """Counts the forks that led to this process: connections from before the last are not
        ours."""
        forks.follow(self)

    def connection(self) -> Reading:
        """A connection to read with, without a transaction: each statement has its own snapshot."""
        return Reading(self, "")

    def reading(self) -> Reading:
        """A connection in a read transaction: one snapshot for all its statements."""
        return Reading(self, "BEGIN")

    def writing(self) -> Writing:
        """The writing connection, in a transaction: committed at the end, rolled back on an error.

        Not to be nested, since there is only one.
        """
        return Writing(self)

    def create(self, make: Callable[[sqlite3.Connection], Made], *, new: bool = False) -> Made:
        """Create what the database lacks, in one transaction; `new` allows a new file.

        Raises:
            NotInitialised: there is no file, and none may be created.
        """
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StoreError(
                f"This Python carries SQLite {sqlite3.sqlite_version}; tallies needs 3.37 or newer."
            )
        connection = None
        try:
            connection = self._open("rwc" if new else "rw")
            connection.execute("BEGIN IMMEDIATE")
            try:
                made = make(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return made
        except sqlite3.Error as error:
            self.explain(error)
        finally:
            if connection is not None:
                connection.close()

    def checkpoint(self) -> None:
        """Checkpoint the write-ahead log, so that no writer has to stop for it."""
        with self.connection() as connection:
            patience = int(transactions.BUSY_TIMEOUT_SECONDS * 1000)
            self._log = monotonic(), log_file.checkpoint(connection, self.path, patience)

    def log(self) -> LogFile:
        """The state of the write-ahead log, at most some seconds old."""
        size = log_file.log_bytes(self.path)
        if size <= 2 * log_file.CAP_BYTES:
            return LogFile(size, False)
        if self._log is None or monotonic() - self._log[0] > LOG_KNOWN_SECONDS:
            self.checkpoint()
        return LogFile(size, self._log is not None and self._log[1].is_held)

    def close(self) -> None:
        """Close the idle connections; the last one that closes removes the write-ahead log."""
        with self._pool:
            while self._idle:
                self._idle.pop().close()
        if self._writer is not None and self._writer_lock.enter(transactions.BUSY_TIMEOUT_SECONDS):
            self._writer.close()
            self._writer = None
            self._writer_lock.leave()
        self._place.forget()

    def begin(self) -> sqlite3.Connection:
        """The one connection that writes, in a new write transaction.

        Raises:
            StoreUnavailable: other threads used it for all of `BUSY_TIMEOUT_SECONDS`.
            sqlite3.Error: what `explain` turns into an error of ours.
        """
        if not self._writer_lock.enter(transactions.BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable(f"This process writes {self.path} for too long; try again.")
        try:
            self._place.check()
            if self._writer is None:
                self._writer = self._checked_open()
                self._writer.execute("PRAGMA busy_timeout = 0")  # `patiently` waits
            patiently(self._writer, "BEGIN IMMEDIATE")
        except BaseException:
            self._writer_lock.leave()
            raise
        return self._writer

    def end(self, connection: sqlite3.Connection) -> None:
        """Let the next thread write."""
        if connection.in_transaction:  # it could not even be rolled back: closing does that
            connection.close()
            self._writer = None
        self._writer_lock.leave()

    def take(self) -> sqlite3.Connection:
        self._place.look()
        with self._pool:
            self._in_use += 1
            if self._idle:
                return self._idle.pop()
        try:
            # Not only now and then: opening another file would carry the log beside it into that.
            self._place.check()
            return self._checked_open()
        except BaseException:
            with self._pool:
                self._in_use -= 1
            raise

    def _checked_open(self) -> sqlite3.Connection:
        connection = self._open("rw")
        if not self._checked:
            try:
                self._check(connection)
            except BaseException:
                connection.close()
                raise
            self._checked = True
        return connection

    def give_back(self, connection: sqlite3.Connection) -> None:
        with self._pool:
            self._in_use -= 1
            if connection.in_transaction:  # it could not even be rolled back: closing does that
                connection.close()
            else:
                self._idle.append(connection)

    def _open(self, mode: str) -> sqlite3.Connection:
        if mode == "rw" and not self.path.exists():
            raise NotInitialised(
                f"There is no store at {self.path}; `tallies init` or `tallies load` makes one, and"
                " `tallies init --declaration FILE` makes tallies in a database that is there."
            )
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=transactions.BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            cached_statements=256,
            check_same_thread=False,
        )
        try:
            # Write-ahead log: readers never wait for the writer. With NORMAL a crash of the process
            # loses nothing; a power cut may lose the last commits, but source and tallies together,
            # so they never disagree. FULL keeps those too. The journal mode of a database that
            # others have made is left as they chose it.
            if is_ours(connection, or_empty=True):
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA temp_store = FILE")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LATE_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {log_file.CAP_BYTES}")
            self._place.check()
        except BaseException:
            connection.close()
            raise
        return connection

    def before_fork(self) -> None:
        self._pool.acquire()
        until = monotonic() + FORK_PATIENCE_SECONDS
        while self._in_use and monotonic() < until:
            self._pool.release()
            sleep(LONGEST_WAIT_SECONDS)
            self._pool.acquire()
        while self._idle:
            self._idle.pop().close()
        self._stopped = self._writer_lock.enter(FORK_PATIENCE_SECONDS)
        if self._stopped and self._writer is not None:
            self._writer.close()
            self._writer = None

    def after_fork(self) -> None:
        if self._stopped:
            self._writer_lock.leave()
        self._pool.release()

    def after_fork_in_child(self) -> None:
        self.forks += 1
        if self._writer is not None:
            LEFT_ALONE.append(self._writer)
        self._writer = None
        self._in_use = 0
        self._pool = Lock()
        self._writer_lock = WriterLock()
        self._log = None

    def explain(self, error: sqlite3.Error) -> NoReturn:
        """Raise an error of ours that says what an error of SQLite means."""
        explain(error, self.path)


def is_ours(connection: sqlite3.Connection, *, or_empty: bool = False) -> bool:
    """Whether this program has made the database."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION_ID or not or_empty:
        return bool(application == APPLICATION_ID)
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not objects and not application
