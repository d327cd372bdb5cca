"""Errors of SQLite as errors of ours: one sentence that says what is wrong and what to do."""

import sqlite3
from pathlib import Path
from typing import NoReturn

from tallies.core.errors import (
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    WrongStore,
)


def explain(error: sqlite3.Error, path: Path) -> NoReturn:
    """Raise an error of ours that says what an error of SQLite on this file means.

    Raises:
        StoreUnavailable: another process holds the file.
        StoreFull: the disk is full.
        StoreReadOnly: the file or its folder cannot be written.
        WrongStore: the file is no database, or is damaged.
        StoreError: it is something else.
    """
    name = getattr(error, "sqlite_errorname", "")
    match name.split("_")[1] if name.startswith("SQLITE_") else "":
        case "BUSY" | "LOCKED":
            raise StoreUnavailable(
                f"Another process holds {path} for too long; try again."
            ) from error
        case "FULL":
            raise StoreFull(
                f"The disk that holds {path} is full; make room. Nothing was half written."
            ) from error
        case "READONLY":
            raise StoreReadOnly(
                f"The file {path} or its folder is read-only; make both writable."
            ) from error
        case "NOTADB":
            raise WrongStore(
                f"The file {path} is no SQLite database; name another file."
            ) from error
        case "CORRUPT":
            raise WrongStore(f"The file {path} is damaged; restore a backup of it.") from error
        case "CANTOPEN" if path.is_file():  # but not the log beside it
            raise StoreReadOnly(
                f"The file {path} or its folder is read-only; make both writable."
            ) from error
        case "CANTOPEN":
            raise StoreError(
                f"The file {path} cannot be opened; see that its folder exists and may"
                " be written (an absolute path has four slashes: sqlite:////folder/file.db)."
            ) from error
        case "IOERR":
            raise StoreError(f"The disk that holds {path} refuses to work: {error}.") from error
    raise StoreError(f"The store {path} failed: {error}.") from error
