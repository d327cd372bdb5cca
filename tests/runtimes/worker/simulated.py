"""A simulated stream: DynamoDB Local has one shard that never ends, so what AWS does with shards
(split them, close them, trim them, let iterators grow old) is played here, in memory.

Written against the documented rules: a parent's records come before its children's, a closed
shard's iterator ends in None, what is trimmed is gone, a shard whose records are all trimmed is not
listed any more. The tallies that workers write from it are in a real table.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from threading import RLock
from typing import Any

from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event, position_of
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Shard, in_lineage_order

FIRST_NUMBER = 10**24
"""Sequence numbers have 21 to 40 digits."""


@dataclass
class SimulatedShard:
    id: str
    parent: str | None
    first: int
    last: int | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    trimmed: int = 0
    """How many of the records are gone."""
    is_listed: bool = True


class SimulatedStream:
    """What a worker asks of a stream, and what a test does to it."""

    arn = "arn:aws:dynamodb:ddblocal:000000000000:table/app-favorites/stream/simulated"
    """Of the table that DynamoDB Local has: a stream of another region would be refused."""

    def __init__(self, page: int = 10) -> None:
        self.page = page
        self.expire_every = 0
        """Every so many reads, the iterator is too old."""
        self.never_ends = False
        """Closed shards go on handing out iterators."""
        self.reads: list[tuple[str, int]] = []
        """(shard, number of records) of every page that was read, in order."""
        self._lock = RLock()
        self._numbers = count(FIRST_NUMBER, 7)
        self._shards: dict[str, SimulatedShard] = {}

    # What tests do.

    def open(self, shard_id: str, parent: str | None = None) -> None:
        with self._lock:
            self._shards[shard_id] = SimulatedShard(shard_id, parent, next(self._numbers))

    def close(self, shard_id: str) -> None:
        with self._lock:
            self._shards[shard_id].last = next(self._numbers)

    def split(self, shard_id: str, *children: str) -> None:
        with self._lock:
            self.close(shard_id)
            for child in children:
                self.open(child, shard_id)

    def mark(self, shard_id: str, restaurant: str, user: str, *, remove: bool = False) -> None:
        with self._lock:
            number = next(self._numbers)
            image = {
                "pk": {"S": f"{restaurant}#{user}"},
                "restaurant_id": {"S": restaurant},
                "user_id": {"S": user},
                "created_at": {"S": "2082-11-23T14:00:00Z"},
            }
            assert self._shards[shard_id].last is None, "nobody writes to a closed shard"
            self._shards[shard_id].records.append(
                {
                    "eventID": f"{number:032x}",
                    "eventName": "REMOVE" if remove else "INSERT",
                    "dynamodb": {
                        "SequenceNumber": str(number),
                        "Keys": {"pk": image["pk"]},
                        "OldImage" if remove else "NewImage": image,
                    },
                }
            )

    def trim(self, shard_id: str, records: int | None = None) -> None:
        """Drop the oldest records; all of them, and the shard from the list, when None."""
        with self._lock:
            shard = self._shards[shard_id]
            shard.trimmed = len(shard.records) if records is None else records
            shard.is_listed = records is not None

    def records(self, shard_id: str) -> list[StreamRecord]:
        with self._lock:
            return [from_event(record) for record in self._shards[shard_id].records]

    # What workers do.

    def shards(self) -> list[Shard]:
        with self._lock:
            return in_lineage_order(
                Shard(
                    shard.id,
                    shard.parent,
                    position_of(str(shard.first)),
                    None if shard.last is None else position_of(str(shard.last)),
                )
                for shard in self._shards.values()
                if shard.is_listed
            )

    def iterator(self, shard: str, after: str = "") -> str:
        with self._lock:
            found = self._shards[shard]
            if not after:
                return f"{shard}|{found.trimmed}"
            numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in found.records]
            index = sum(number <= int(after) for number in numbers)
            if index < found.trimmed:
                raise HistoryTrimmed("The stream has dropped records; `tallies rebuild`.")
            return f"{shard}|{index}"

    def newest(self, shard: str) -> str:
        with self._lock:
            return f"{shard}|{len(self._shards[shard].records)}"

    def after(
        self, shard: Shard, position: str, limit: int = MAX_RECORDS
    ) -> Iterator[StreamRecord]:
        """What `tallies status` and `tallies rebuild` read."""
        iterator: str | None = self.iterator(shard.id, position)
        while iterator is not None:
            records, iterator = self.read(iterator, limit)
            yield from records
            if not records:
                return

    def read(
        self, iterator: str, limit: int = MAX_RECORDS
    ) -> tuple[list[StreamRecord], str | None]:
        with self._lock:
            shard_id, _, index = iterator.partition("|")
            shard, start = self._shards[shard_id], int(index)
            if self.expire_every and len(self.reads) % self.expire_every == 0:
                self.reads.append((shard_id, 0))
                raise IteratorExpired("too old")
            if start < shard.trimmed:
                raise HistoryTrimmed("The stream has dropped records; `tallies rebuild`.")
            page = shard.records[start : start + min(limit, self.page)]
            self.reads.append((shard_id, len(page)))
            end = start + len(page)
            is_over = shard.last is not None and end == len(shard.records)
            following = None if is_over and not self.never_ends else f"{shard_id}|{end}"
            return [from_event(record) for record in page], following
