"""A file of SQLite in which a snapshot gathers: facts, whatever tables it needs, and its end.

It outlives a process that is killed, and an error.
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tallies.core.errors import StoreError, StoreUnavailable
from tallies.stores.dynamodb.client.errors import HistoryTrimmed

_FACTS = (
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
)
_CACHE_KIB = 64_000


class UnknownState(StoreUnavailable):
    """A row was scanned in a state that is not among those that the stream holds."""


class SpillFile:
    """A file of one snapshot, for a `with` statement. What is left undone can go on from it."""

    def __init__(self, path: Path | None, tables: Mapping[str, str]) -> None:
        """Open or create the file; None for one without a name, which no other program finds.

        `tables` are those that it has beside the facts: name -> the SQL that creates it.

        Raises:
            StoreUnavailable: another process has it open.
            StoreError: it cannot be created, or is damaged.
        """
        self.path = path
        self._tables = ("facts", *tables)
        try:
            self._connection = sqlite3.connect(path or "", timeout=0)
        except sqlite3.Error as error:
            raise self._explained(error) from error
        schema = "; ".join([_FACTS, *tables.values()])
        try:
            # The lock is asked for first: whatever reads the file before opens it to others, too.
            # Then nothing waits for the disk, not even going over to WAL: after a power cut, a new
            # scan is made.
            self._connection.executescript(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF;"
                f" PRAGMA journal_mode = WAL; PRAGMA cache_size = -{_CACHE_KIB}; {schema}"
            )
        except sqlite3.Error as error:
            self._connection.close()
            raise self._explained(error) from error

    def fact(self, name: str) -> Any:
        """The value remembered under a name; None for none."""
        found = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,))
        row = found.fetchone()
        return None if row is None else json.loads(row[0])

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Delete everything, and remember only these facts."""
        with self._connection:
            for table in self._tables:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 # a literal
            for name, value in facts.items():
                self._remember(name, value)

    def _remember(self, name: str, value: Any) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        if isinstance(error, sqlite3.Error):
            raise self._explained(error) from error
        # No run can go on if the stream has dropped records, or never had them.
        done = error is None or isinstance(error, HistoryTrimmed | UnknownState)
        if self.path is not None and done:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _explained(self, error: sqlite3.Error) -> StoreError:
        where = self.path or "SQLite's temporary files"
        name = getattr(error, "sqlite_errorname", "")
        match name.removeprefix("SQLITE_").split("_")[0]:
            case "BUSY":
                return StoreUnavailable(
                    f"Another rebuild on this machine gathers in {where}; wait for it, or end it."
                )
            case "FULL":
                return StoreError(
                    f"The disk is full of what is gathered in {where}; make room, or name a folder"
                    " with more in the variable TMPDIR."
                )
            case "NOTADB" | "CORRUPT":
                return StoreError(f"The file {where} is damaged; delete it, and try again.")
        return StoreError(
            f"Nothing can be gathered in {where}: {error}; name another folder in the variable"
            " TMPDIR."
        )
