"""The write-ahead log: the file beside the database that its changes go to first.

It is carried into the database by checkpoints and begun anew, unless somebody still reads what was
before: then it grows with every write. See https://sqlite.org/wal.html, "Avoiding Excessively Large
WAL Files".
"""

import sqlite3
from pathlib import Path
from typing import NamedTuple

PAGE_BYTES = 4096
CHECKPOINT_PAGES = 16_000
"""Size, in pages, at which a checkpoint begins the log anew."""
CAP_BYTES = CHECKPOINT_PAGES * PAGE_BYTES
"""Size that the file may keep; above twice of this it is cut off."""
PATIENCE_MS = 20
"""How long writers are held up at most, for a log that is to be begun anew."""


class LogFile(NamedTuple):
    """The state of a write-ahead log."""

    bytes: int
    """Size of the file; 0 where there is none."""
    is_held: bool
    """Whether it is large because somebody reads, and goes on to read, an older state."""

    def trouble(self) -> str:
        """What is wrong, as one sentence; empty for nothing."""
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
    """Carry the log into the database; begin it anew if it is large, cut it off if it is far too
    large. `timeout_ms` is what the connection waits for locks otherwise.

    Writers go on meanwhile. Beginning anew holds them up for a moment; readers are never waited
    for.
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
