"""The horizon: the oldest record that a stream still holds, a day behind the newest."""

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tallies.core.errors import StoreUnavailable, WrongStore
from tallies.stores.dynamodb.apply.position import Known, read_position
from tallies.stores.dynamodb.apply.progress import END
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key
from tallies.stores.dynamodb.stream.stream import EMPTY_PAGES, Shard, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def check_beginning(stream: Stream, shard: Shard) -> None:
    """Check that a shard still holds its first record, before all of it is read.

    Raises:
        HistoryTrimmed: it does not. Asked for its oldest record, the stream would not say that it
            had held an earlier one.
    """
    # A service that accepts only numbers of records as positions cannot answer this.
    with suppress(WrongStore):
        stream.iterator(shard.id, shard.first)


def is_read_out(stream: Stream, shard: Shard, position: str) -> bool:
    """Whether a shard has certainly ended, and never had a record after a position."""
    if shard.last is None:
        return False
    if position >= shard.last:
        return True
    # The listed end need not be the number of a record, and many shards end without any record.
    with suppress(HistoryTrimmed, IteratorExpired):
        if not position:
            check_beginning(stream, shard)
        iterator: str | None = stream.iterator(shard.id, position)
        for _ in range(EMPTY_PAGES):
            if iterator is None:
                return True
            records, iterator = stream.read(iterator, 1)
            if records:
                return False
        return iterator is None
    return False


def skip_trimmed(client: "DynamoDBClient", table: str, stream: Stream, epoch: int) -> None:
    """Move the positions of shards whose next records are lost to the oldest records left.

    The tallies lack the lost records, and from now on also the oldest one that is left: to be
    called right before the tallies are compared and mended.

    Raises:
        StoreUnavailable: another program applied records at the same time.
    """
    reading = explained(client, f"table {table}")
    for shard in stream.shards():
        known = read_position(reading, table, shard.id)
        try:
            if not known.progress.least:
                check_beginning(stream, shard)
            # The first record is enough to know.
            next(stream.after(shard, known.progress.least, limit=1), None)
        except HistoryTrimmed:
            _skip(client, table, stream, shard, known, epoch)


def _skip(
    client: "DynamoDBClient", table: str, stream: Stream, shard: Shard, known: Known, epoch: int
) -> None:
    first = next(stream.after(shard, "", limit=1), None)
    to = first.change.position if first else shard.last or shard.first
    after = known.progress.moved(END, to)  # lanes that are further already stay where they are
    try:
        client.update_item(
            TableName=table,
            Key=reserved_key(POSITION, shard.id),
            # A new revision, so that nothing that is under way can be applied after it.
            UpdateExpression="SET revision = :skipped, #position = :position, epoch = :epoch"
            + (", ahead = :ahead" if after.ahead else " REMOVE ahead"),
            ConditionExpression="attribute_not_exists(revision)"
            if known.revision is None
            else "revision = :known",
            ExpressionAttributeNames={"#position": "position"},
            ExpressionAttributeValues={
                ":epoch": {"N": str(epoch)},
                ":skipped": {"S": f"skipped after {known.progress.least}"},
                ":position": {"S": after.position},
                **({":ahead": {"S": after.dump()}} if after.ahead else {}),
                **({} if known.revision is None else {":known": {"S": known.revision}}),
            },
        )
    except ClientError as error:
        raise StoreUnavailable(
            f"Records of shard {shard.id} were applied at the same time; run it again."
        ) from error
