"""Parked records: change records that could not be folded, kept until they are retried."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from tallies.core.errors import InvalidInput, Unfoldable


class ParkedRecord(NamedTuple):
    """A change record that could not be folded, kept whole."""

    id: str
    tally: str
    reason: str
    content: Mapping[str, Any]
    parked_at: str


class ParkedRecords(Protocol):
    """The records that could not be folded, until somebody retries or discards them."""

    def count(self) -> int:
        """How many there are."""

    def records(self) -> Iterator[ParkedRecord]:
        """All of them, those of one shard in its order."""

    def retry(self, record_id: str) -> None:
        """Add a record to its tally and unpark it, both or neither.

        Raises:
            InvalidInput: there is no such parked record.
            Unfoldable: it still cannot be folded; it stays parked.
        """

    def discard(self, record_id: str) -> None:
        """Give a record up: its tally will never count it.

        Raises:
            InvalidInput: there is no such parked record.
        """


def retry_all(parked: ParkedRecords) -> None:
    """Retry all records that are parked.

    A rebuild begins with this. Afterwards it finds the records that fold by now counted, and nobody
    can retry them later and count them again.
    """
    for record in parked.records():
        # One that still does not fold stays; one that is gone was retried or discarded by another.
        with suppress(Unfoldable, InvalidInput):
            parked.retry(record.id)
