"""The write-ahead log: the file beside the database to which its changes go first.

Checkpoints carry it into the database and begin it anew, unless a connection still reads an older
state: then it grows with every write. See https://sqlite.org/wal.html, "Avoiding Excessively Large
WAL Files".
"""

import sqlite3
from pathlib import Path
from typing import NamedTuple

PAGE_BYTES = 4096
CHECKPOINT_PAGES = 16_000
"""Size, in pages, at which a checkpoint begins the log anew."""
CAP_BYTES = CHECKPOINT_PAGES * PAGE_BYTES
"""Size that the file may keep; above twice this size, it is truncated."""
PATIENCE_MS = 20
"""The longest that writers are held up so that the log can begin anew."""


class LogFile(NamedTuple):
    """The state of a write-ahead log."""

    bytes: int
    """Size of the file; 0 where there is none."""
    is_held: bool
    """Whether it is large because a connection keeps reading an older state."""

    def trouble(self) -> str:
        """What is wrong, in one sentence; empty for nothing."""
        if not self.is_held:
            return ""
        return (
            f"The write-ahead log has grown to {self.bytes / 1e6:,.0f} MB, because somebody reads"
            " an old state of the database (a backup, a forgotten shell); end that, and it shrinks."
        )


def log_bytes(path: Path) -> int:
    """Size of the log beside a database."""
    try:
        return Path(f"{path.resolve()}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def checkpoint(connection: sqlite3.Connection, path: Path, timeout_ms: int) -> LogFile:
    """Carry the log into the database; begin it anew if it is large, truncate it if it is far too
    large. `timeout_ms` is how long the connection otherwise waits for locks.

    Writers go on meanwhile. Beginning anew holds them up for a moment, and waits for readers
    for `PATIENCE_MS` at most.
    """
    _, pages, carried = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    size = log_bytes(path)
    is_large = pages >= CHECKPOINT_PAGES or size > 2 * CAP_BYTES
    is_held = is_large and pages - carried >= CHECKPOINT_PAGES // 10
    if is_large and not is_held:
        how = "TRUNCATE" if size > 2 * CAP_BYTES else "RESTART"
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        connection.execute(f"PRAGMA busy_timeout = {timeout_ms}")
        size = log_bytes(path)
    return LogFile(size, is_held and size > 2 * CAP_BYTES)
