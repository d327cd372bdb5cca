"""The change stream: its shards and their lineage, and reading on from a position."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tallies.core.errors import WrongStore
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.stream.records import (
    VIEW_TYPE,
    StreamRecord,
    from_event,
    position_of,
    sequence_number_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

MAX_RECORDS = 1000
"""The most records that one GetRecords returns."""
EMPTY_PAGES = 4
"""After this many pages in a row without a record, an open shard counts as read."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a stream. A closed shard has an end, and its children hold what came after."""

    id: str
    parent: str | None
    first: str
    """Position of its first record."""
    last: str | None
    """Position of its last record; None while it is open."""


class Stream:
    """Reads one table's stream. Keeps no state: the caller holds iterators and positions."""

    def __init__(self, client: "DynamoDBStreamsClient", arn: str) -> None:
        self._client = explained(client, f"the stream {arn}")
        self.arn = arn

    @classmethod
    def of_table(
        cls, dynamodb: "DynamoDBClient", streams: "DynamoDBStreamsClient", table: str
    ) -> "Stream":
        """The stream that a table has now.

        Raises:
            WrongStore: the table has none, or one without both images.
        """
        found = explained(dynamodb, f"the table {table}").describe_table(TableName=table)["Table"]
        check_stream(table, found.get("StreamSpecification", {}))
        return cls(streams, found["LatestStreamArn"])

    def shards(self) -> list[Shard]:
        """All shards that still hold records, each after its parent."""
        found: list[Shard] = []
        start: dict[str, str] = {}
        while True:
            page = self._client.describe_stream(StreamArn=self.arn, **start)["StreamDescription"]  # type: ignore[arg-type] # TypedDicts take no unpacked dict
            for shard in page.get("Shards", []):
                numbers = shard.get("SequenceNumberRange", {})
                end = numbers.get("EndingSequenceNumber")
                found.append(
                    Shard(
                        shard["ShardId"],
                        shard.get("ParentShardId"),
                        position_of(numbers.get("StartingSequenceNumber", "")),
                        None if end is None else position_of(end),
                    )
                )
            if "LastEvaluatedShardId" not in page:
                return in_lineage_order(found)
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def iterator(self, shard: str, after: str = "") -> str:
        """An iterator for the records after a position; for all that the shard has when empty.

        Raises:
            HistoryTrimmed: records after the position have left the stream unread.
        """
        where: dict[str, str] = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            where = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": sequence_number_of(after),
            }
        return self._iterator(shard, where)

    def newest(self, shard: str) -> str:
        """An iterator for the records that come after this moment."""
        return self._iterator(shard, {"ShardIteratorType": "LATEST"})

    def _iterator(self, shard: str, where: Mapping[str, str]) -> str:
        response = self._client.get_shard_iterator(
            StreamArn=self.arn,
            ShardId=shard,
            **where,  # type: ignore[arg-type] # literals, which the checker cannot see
        )
        return response["ShardIterator"]

    def read(
        self, iterator: str, limit: int = MAX_RECORDS
    ) -> tuple[list[StreamRecord], str | None]:
        """The next records (maybe none), and the iterator after them; None at the shard's end.

        Raises:
            IteratorExpired: it is too old.
            HistoryTrimmed: what it points at has left the stream.
        """
        page = self._client.get_records(ShardIterator=iterator, Limit=limit)
        return [from_event(record) for record in page["Records"]], page.get("NextShardIterator")

    def after(
        self, shard: Shard, position: str, limit: int = MAX_RECORDS
    ) -> Iterator[StreamRecord]:
        """The records that a shard holds now after a position.

        Raises:
            HistoryTrimmed: some have left the stream.
        """
        if shard.last is not None and position >= shard.last:
            return
        iterator: str | None = self.iterator(shard.id, position)
        tip = Tip(self, shard)
        empty = 0
        # An open shard has no end to be seen; pages without records may come before some with.
        while iterator is not None and empty < EMPTY_PAGES:
            records, iterator = self.read(iterator, limit)
            empty = 0 if records else empty + 1
            yield from records
            if records and tip.is_behind(records[-1].change.position):
                return


class Tip:
    """The end of a shard as it was when this was first asked.

    Without it, reading a shard to its end would never end while others write faster than that.
    """

    def __init__(self, stream: Stream, shard: Shard) -> None:
        self._stream = stream
        self._shard = shard
        self._newer: str | None = None
        self._iterator: str | None = None
        self._asked = shard.last is not None  # a closed one has a fixed end

    def is_behind(self, position: str) -> bool:
        """Whether all that the shard held when this was first asked is at or before a position."""
        if not self._asked:
            self._asked = True
            self._iterator = self._stream.newest(self._shard.id)
        if self._iterator is not None and self._newer is None:
            try:
                records, self._iterator = self._stream.read(self._iterator, 1)
            except (IteratorExpired, HistoryTrimmed):
                records, self._iterator = [], self._stream.newest(self._shard.id)
            self._newer = records[0].change.position if records else None
        return self._newer is not None and position >= self._newer


def check_stream(table: str, specification: Mapping[str, Any]) -> None:
    """Check that a table's stream carries what the fold needs.

    Raises:
        WrongStore: it does not.
    """
    if not specification.get("StreamEnabled"):
        raise WrongStore(
            f"The table {table} has no stream; enable one with {VIEW_TYPE} and rebuild the tallies."
        )
    view = specification.get("StreamViewType")
    if view != VIEW_TYPE:
        raise WrongStore(
            f"The stream of the table {table} carries {view}; enable it anew with"
            f" {VIEW_TYPE} and rebuild the tallies."
        )


def in_lineage_order(shards: Iterable[Shard]) -> list[Shard]:
    """Parents before children, otherwise as they were. Parents that are not listed are over."""
    by_id = {shard.id: shard for shard in shards}
    ordered: dict[str, Shard] = {}
    for shard in by_id.values():
        line: list[Shard] = []
        ancestor: Shard | None = shard
        while ancestor is not None and ancestor.id not in ordered and ancestor not in line:
            line.append(ancestor)
            ancestor = by_id.get(ancestor.parent) if ancestor.parent else None
        ordered.update((each.id, each) for each in reversed(line))
    return list(ordered.values())
