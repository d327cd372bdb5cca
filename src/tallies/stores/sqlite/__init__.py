"""The embedded store: the tallies of a table in one SQLite database, beside that table."""

from tallies.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
