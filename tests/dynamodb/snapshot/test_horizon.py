"""What is done about records that have left the stream before they were applied."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.apply.position import read_position
from tallies.stores.dynamodb.apply.progress import END, Run
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key
from tallies.stores.dynamodb.snapshot.horizon import skip_trimmed
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Trimmed(Stream):
    """A stream that has lost all records but the newest ones."""

    def __init__(self, stream: Stream, lost: str) -> None:
        self._whole = stream
        self._lost = lost

    def shards(self) -> list[Shard]:
        return self._whole.shards()

    def after(self, shard: Shard, position: str, limit: int = 1) -> Iterator[StreamRecord]:
        if position and position < self._lost:
            raise HistoryTrimmed("The stream has dropped records.")
        return self._whole.after(shard, max(position, self._lost), limit)


def test_lanes_that_are_ahead_of_what_is_left_stay_there(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    for user in range(5):
        store.mark(f"u{user}", "r1")
    (shard,) = store.stream.shards()
    first, second, third, fourth, _ = (
        record.change.position for record in store.stream.after(shard, "")
    )
    table = store.names.tallies
    item: Any = {
        **reserved_key(POSITION, shard.id),
        "position": {"S": first},
        "ahead": {"S": f"8:{fourth}"},
        "revision": {"S": "crashed"},
    }
    client.put_item(TableName=table, Item=item)
    skip_trimmed(client, table, Trimmed(store.stream, second), epoch=1)
    # Back to the third would add the fourth to their rows once more.
    known = read_position(client, table, shard.id)
    assert known.progress.runs == [Run("", "8", fourth), Run("8", END, third)]
