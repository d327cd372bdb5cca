"""Connections to the one file: how they are opened, lent out, and what their errors mean."""

import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from types import TracebackType
from typing import Literal, NoReturn, TypeVar
from urllib.parse import quote

from tallies.core.errors import (
    NotInitialised,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    WrongStore,
)
from tallies.stores.sqlite import forks, log_file
from tallies.stores.sqlite.log_file import LogFile
from tallies.stores.sqlite.place import Place
from tallies.stores.sqlite.writer_lock import WriterLock

BUSY_TIMEOUT_SECONDS = 10.0
"""How long a writer waits for another writer. Commits take milliseconds, so this is for the
unusual: a stopped process that holds the lock, a disk that hangs."""
SHORTEST_WAIT_SECONDS = 0.00005
LONGEST_WAIT_SECONDS = 0.005
"""Between two looks whether another process has done with writing. SQLite's own waiting begins at
a millisecond and grows fast; most commits are over long before."""
CACHE_KIB = 32_768
"""The most that one connection remembers of the file; SQLite's own 2 MB would spill big writes."""
LATE_CHECKPOINT_PAGES = 2 * log_file.CHECKPOINT_PAGES
"""Size at which a writer has to carry the log into the file itself, because nobody else does."""
FORK_PATIENCE_SECONDS = 1.0
"""How long a fork waits for other threads to be done with their connections."""
LOG_KNOWN_SECONDS = 5.0
"""How long the last checkpoint says how the log is."""
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
APPLICATION_ID = 0x54_41_4C_59
"""`TALY`: tells files that we have made from other databases (https://sqlite.org/pragma.html)."""

Synchronous = Literal["normal", "full"]
Made = TypeVar("Made")

_left_alone: list[sqlite3.Connection] = []
"""Connections of a process that this one was forked from. To let go of one would close it."""


class Database(forks.Forkable):
    """Connections to one file. Safe to use from several threads.

    Readers have as many as they need. All that this process writes goes through one: a commit
    makes every other connection forget what it remembers of the file, and a writer that has to
    read its pages again is slow. Who waits for that one is told when it is free, at once.

    A process that is forked from this one opens connections of its own (see `forks`).
    """

    def __init__(
        self,
        path: Path,
        synchronous: Synchronous = "normal",
        check: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> None:
        """`check` looks at the database once, before anything else does, and raises if need be."""
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
        """Whether writers wait for a fork that is under way."""
        self._pool = Lock()
        """Held by whoever takes a connection or gives one back, and during a fork."""
        self._lent = 0
        self.forks = 0
        """How often the process was forked on its way here: connections of before are not ours."""
        forks.follow(self)

    def connection(self) -> "Lent":
        """A connection to read with, without a transaction: each statement is its own."""
        return Lent(self, "")

    def reading(self) -> "Lent":
        """A connection in a read transaction: one snapshot for all its statements."""
        return Lent(self, "BEGIN")

    def writing(self) -> "Writing":
        """The connection in a write transaction, committed at the end, rolled back on an error.

        Not to be nested: there is only one.
        """
        return Writing(self)

    def create(self, make: Callable[[sqlite3.Connection], Made], *, new: bool = False) -> Made:
        """Make what is missing in the database, in one transaction; `new` allows a new file.

        Raises:
            NotInitialised: there is no file, and none is to be made.
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
        """Carry the write-ahead log into the file, so that no writer has to stop for it."""
        with self.connection() as connection:
            patience = int(BUSY_TIMEOUT_SECONDS * 1000)
            self._log = monotonic(), log_file.checkpoint(connection, self.path, patience)

    def log(self) -> LogFile:
        """How the write-ahead log is; not older than some seconds."""
        size = log_file.log_bytes(self.path)
        if size <= 2 * log_file.CAP_BYTES:
            return LogFile(size, False)
        if self._log is None or monotonic() - self._log[0] > LOG_KNOWN_SECONDS:
            self.checkpoint()
        return LogFile(size, self._log is not None and self._log[1].is_held)

    def close(self) -> None:
        """Close the idle connections; the last one out tidies the write-ahead log."""
        with self._pool:
            while self._idle:
                self._idle.pop().close()
        if self._writer is not None and self._writer_lock.enter(BUSY_TIMEOUT_SECONDS):
            self._writer.close()
            self._writer = None
            self._writer_lock.leave()
        self._place.forget()

    def begin(self) -> sqlite3.Connection:
        """The one connection that writes, in a transaction that nobody else is in.

        Raises:
            StoreUnavailable: others did not leave it for `BUSY_TIMEOUT_SECONDS`.
            sqlite3.Error: what `explain` knows to say better.
        """
        if not self._writer_lock.enter(BUSY_TIMEOUT_SECONDS):
            raise StoreUnavailable(f"This process writes {self.path} for too long; try again.")
        try:
            self._place.check()
            if self._writer is None:
                self._writer = self._checked_open()
                self._writer.execute("PRAGMA busy_timeout = 0")  # `_patiently` waits
            _patiently(self._writer, "BEGIN IMMEDIATE")
        except BaseException:
            self._writer_lock.leave()
            raise
        return self._writer

    def end(self, connection: sqlite3.Connection) -> None:
        """Let the next one write."""
        if connection.in_transaction:  # it could not even be rolled back: closing does that
            connection.close()
            self._writer = None
        self._writer_lock.leave()

    def take(self) -> sqlite3.Connection:
        self._place.look()
        with self._pool:
            self._lent += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._checked_open()
        except BaseException:
            with self._pool:
                self._lent -= 1
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
            self._lent -= 1
            if connection.in_transaction:  # it could not even be rolled back: closing does that
                connection.close()
            else:
                self._idle.append(connection)

    def _open(self, mode: str) -> sqlite3.Connection:
        if mode == "rw" and not self.path.exists():
            raise NotInitialised(
                f"There is no store at {self.path}; `tallies init` or `tallies load` makes one."
            )
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            cached_statements=256,
            check_same_thread=False,
        )
        try:
            # Write-ahead log: readers never wait for the writer. With NORMAL a crash of the
            # process loses nothing; a power cut may lose the last commits, but source and
            # tallies together, so they never disagree. FULL keeps those too.
            # The mode of a database that others have made stays theirs to choose.
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
        while self._lent and monotonic() < until:
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
            _left_alone.append(self._writer)
        self._writer = None
        self._lent = 0
        self._pool = Lock()
        self._writer_lock = WriterLock()
        self._log = None

    def explain(self, error: sqlite3.Error) -> NoReturn:
        """Raise the error of ours that says what an error of SQLite means."""
        name = getattr(error, "sqlite_errorname", "")
        match name.split("_")[1] if name.startswith("SQLITE_") else "":
            case "BUSY" | "LOCKED":
                raise StoreUnavailable(
                    f"Another process holds {self.path} for too long; try again."
                ) from error
            case "FULL":
                raise StoreFull(
                    f"The disk that holds {self.path} is full; make room. Nothing was half written."
                ) from error
            case "READONLY":
                raise StoreReadOnly(
                    f"The file {self.path} or its folder is read-only; make both writable."
                ) from error
            case "NOTADB":
                raise WrongStore(
                    f"The file {self.path} is no SQLite database; name another file."
                ) from error
            case "CORRUPT":
                raise WrongStore(
                    f"The file {self.path} is damaged; restore a backup of it."
                ) from error
            case "CANTOPEN" if self.path.is_file():  # but not the log that stands beside it
                raise StoreReadOnly(
                    f"The file {self.path} or its folder is read-only; make both writable."
                ) from error
            case "CANTOPEN":
                raise StoreError(
                    f"The file {self.path} cannot be opened; see that its folder exists and may"
                    " be written (an absolute path has four slashes: sqlite:////folder/file.db)."
                ) from error
            case "IOERR":
                raise StoreError(
                    f"The disk that holds {self.path} refuses to work: {error}."
                ) from error
        raise StoreError(f"The store {self.path} failed: {error}.") from error


def is_ours(connection: sqlite3.Connection, *, or_empty: bool = False) -> bool:
    """Whether we have made the database."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION_ID or not or_empty:
        return bool(application == APPLICATION_ID)
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not objects and not application


class Lent:
    """A connection on loan to a reader, for a `with` statement. Plain, since this is a hot path."""

    __slots__ = ("_begin", "_connection", "_database", "_forks")
    _connection: sqlite3.Connection

    def __init__(self, database: Database, begin: str) -> None:
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
            _left_alone.append(self._connection)
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

    def __init__(self, database: Database) -> None:
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
        if self._forks != self._database.forks:  # the parent commits what it has begun
            _left_alone.append(self._connection)
            return
        try:
            error = _finish(self._connection, error)
        finally:
            self._database.end(self._connection)
        if isinstance(error, sqlite3.Error):
            self._database.explain(error)


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Begin to write as soon as no other process does, or commit as soon as nobody reads.

    Only in a database that is not in WAL mode, one of somebody else's, has a commit to wait.
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
        # In proportion to how long it has lasted: soon back after a short commit, and no
        # hammering during a long one.
        wait = max(SHORTEST_WAIT_SECONDS, (now - started) / 4)
        sleep(min(wait, LONGEST_WAIT_SECONDS))


def _finish(connection: sqlite3.Connection, error: BaseException | None) -> BaseException | None:
    """Commit, or roll back after an error; the first error that there was."""
    try:
        if connection.in_transaction:
            _patiently(connection, "COMMIT" if error is None else "ROLLBACK")
    except sqlite3.Error as failure:
        error = error or failure
        with suppress(sqlite3.Error):  # some errors have rolled back already
            connection.execute("ROLLBACK")
    return error
