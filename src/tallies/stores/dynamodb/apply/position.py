"""Positions: one item for each shard says how far its records are applied, and in which epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from tallies.stores.dynamodb.apply.in_rows.slot import Slot, slot_of
from tallies.stores.dynamodb.apply.progress import Progress
from tallies.stores.dynamodb.catalog.catalog import FIRST_EPOCH
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateTypeDef

POSITION_KEPT = timedelta(days=30)
"""How long a position outlasts its last move. A shard takes writes for hours and is read for a
day."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a shard's item."""

    progress: Progress
    revision: str | None
    """Names the last write to the item; None when there is no item."""
    epoch: int = FIRST_EPOCH
    """The store's epoch at that write."""
    fitted: str | None = None
    """The position up to which all rows are certainly in their buckets; None where none was ever
    noted, as where no tally has buckets."""
    slot: Slot | None = None
    """The slot by which rows that hold their own positions call the shard."""


class NewerEpoch(Exception):
    """The store, or the shard, is in an epoch that this program does not know yet."""


def fencing(table: str, shard_id: str, revision: str, epoch: int) -> "UpdateTypeDef":
    """The update that takes a shard into an epoch, if the shard is still at a revision."""
    return {
        "TableName": table,
        "Key": reserved_key(POSITION, shard_id),
        # A new revision, so that what is under way for the earlier epoch is refused.
        "UpdateExpression": "SET epoch = :epoch, revision = :fence",
        "ConditionExpression": "revision = :known",
        "ExpressionAttributeValues": {
            ":epoch": {"N": str(epoch)},
            ":fence": {"S": uuid4().hex},
            ":known": {"S": revision},
        },
    }


def read_position(client: "DynamoDBClient", table: str, shard_id: str) -> Known:
    """What a shard's item says."""
    found = client.get_item(
        TableName=table, Key=reserved_key(POSITION, shard_id), ConsistentRead=True
    ).get("Item")
    return known_of(found)


def known_of(item: "Mapping[str, AttributeValueTypeDef] | None") -> Known:
    """What a shard's item says, once it is read."""
    if item is None:
        return Known(Progress(), None)
    texts = {name: value.get("S", "") for name, value in item.items()}
    epoch = int(item["epoch"]["N"]) if "epoch" in item else FIRST_EPOCH
    progress = Progress.load(texts.get("position", ""), texts.get("ahead", ""))
    return Known(progress, texts.get("revision"), epoch, texts.get("fitted"), slot_of(item))
