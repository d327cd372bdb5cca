"""The backlog: what is in the stream and not yet in the tallies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from tallies.stores.dynamodb.apply.position import Known, read_position
from tallies.stores.dynamodb.client.paging import MAX_KEYS, at_once, batch_get, batches
from tallies.stores.dynamodb.rows.keys import MARKER, reserved_group, reserved_key
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


Lacking = Callable[[Known, Sequence[StreamRecord]], list[StreamRecord]]
"""What is known of a shard, and records of it -> those that some row lacks."""


@dataclass(frozen=True, slots=True)
class ShardBacklog:
    """The records of one shard that some row lacks."""

    shard: Shard
    known: Known
    records: Sequence[StreamRecord]


class Backlog:
    """Compares the stream with the positions, and changes nothing."""

    def __init__(
        self,
        client: "DynamoDBClient",
        stream: Stream,
        tallies: str,
        lacking: Lacking | None = None,
    ) -> None:
        """`lacking` selects the records of a shard that are not applied, where its position is only
        noted now and then.
        """
        self._lacking = lacking
        self._client = client
        self._stream = stream
        self._tallies = tallies

    def shards(self) -> Iterator[ShardBacklog]:
        """The whole backlog.

        Raises:
            HistoryTrimmed: records have left the stream before they were applied.
        """
        for shard in self._stream.shards():
            known = read_position(self._client, self._tallies, shard.id)
            records = list(self._stream.after(shard, known.progress.least))
            if self._lacking is not None:
                records = self._lacking(known, records)
            elif known.revision is None:
                # No program goes by this shard's position: records that are applied have markers.
                records = list(self._without_marker(records))
            yield ShardBacklog(shard, known, records)

    def oldest(self) -> float | None:
        """When the oldest record of the backlog was written, about, in seconds since 1970."""
        found = at_once(self._oldest_of, self._stream.shards())
        return min((at for at in found if at is not None), default=None)

    def _oldest_of(self, shard: Shard) -> float | None:
        known = read_position(self._client, self._tallies, shard.id)
        records = self._stream.after(shard, known.progress.least)
        if self._lacking is not None:
            # Batch by batch: what is not noted are seconds, so the first ones are enough.
            lacking = (self._lacking(known, some) for some in batches(records, MAX_KEYS))
            records = chain.from_iterable(lacking)
        elif known.revision is None:
            records = self._without_marker(list(records))
        first = next(records, None)
        return None if first is None else _seconds(first)

    def _without_marker(self, records: Sequence[StreamRecord]) -> Iterator[StreamRecord]:
        marked = marked_of(self._client, self._tallies, records)
        return (record for record in records if record.event_id not in marked)


def marked_of(client: "DynamoDBClient", table: str, records: Sequence[StreamRecord]) -> set[str]:
    """The event ids of those records that have a marker: they are applied."""
    names = {reserved_group(MARKER, record.event_id): record.event_id for record in records}
    keys = [reserved_key(MARKER, event_id) for event_id in names.values()]
    return {names[item["group"]["S"]] for item in batch_get(client, table, keys)}


def _seconds(record: StreamRecord) -> float:
    at = record.created_at
    if isinstance(at, datetime):
        return at.timestamp()
    return 0.0 if at is None else float(at)
