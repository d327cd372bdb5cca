"""The embedded store: one SQLite file holds the source, its change log, and the tallies."""

from tallies.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
