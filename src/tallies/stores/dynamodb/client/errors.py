"""Errors that only a change stream has."""

from tallies.core.errors import StoreError


class HistoryTrimmed(StoreError):
    """The stream no longer holds the records after a position: some were never applied."""

    code = "history-trimmed"


class IteratorExpired(StoreError):
    """A shard iterator is older than 15 minutes: ask for a new one."""

    code = "iterator-expired"
