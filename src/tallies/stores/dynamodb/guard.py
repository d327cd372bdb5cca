"""The guard: one item for each shard, which every transaction of the shard checks and moves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING
from uuid import uuid4

from tallies.core.times import canonical_time
from tallies.stores.dynamodb.catalog import FIRST_EPOCH
from tallies.stores.dynamodb.keys import POSITION, SETTINGS, reserved_key
from tallies.stores.dynamodb.lanes import Progress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        ConditionCheckTypeDef,
        UpdateTypeDef,
    )

POSITION_KEPT = timedelta(days=30)
"""After its last move. A shard is written to for hours and read for a day."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a shard's item."""

    progress: Progress
    revision: str | None
    """Names the write that made it so; None when there is no item."""
    epoch: int = FIRST_EPOCH
    """What the store kept when it was made so."""


class Guard:
    """One batch's way through one shard.

    It begins with no knowledge of the item, on the usual case: that all rows are equally far, and
    none has got the first record of the batch. That costs no read. What it has moved it knows; when
    it is refused it reads.

    It goes through only in its own epoch, so that records are never applied to fewer tallies than
    the store keeps. A shard's first move has no item that could say so: `needs_epoch` asks for a
    look at the settings in the same transaction.
    """

    def __init__(
        self,
        table: str,
        shard_id: str,
        first: str,
        new_revision: Callable[[], str] | None = None,
        epoch: int = FIRST_EPOCH,
    ) -> None:
        self.table = table
        self.shard_id = shard_id
        self.epoch = epoch
        self._first = first
        self._known: Known | None = None
        self._tried: Known | None = None
        self._new_revision = new_revision or (lambda: uuid4().hex)

    @property
    def progress(self) -> Progress:
        """How far the rows are, as far as it matters for the batch."""
        return self._known.progress if self._known else Progress()

    @property
    def needs_epoch(self) -> bool:
        """Whether the next move must be made together with `epoch_check`."""
        return self._known is not None and self._known.revision is None

    def epoch_check(self) -> "ConditionCheckTypeDef":
        """The condition that the store is still in this guard's epoch."""
        return {
            "TableName": self.table,
            "Key": reserved_key(SETTINGS),
            # Tables of a template have no settings before the first record.
            "ConditionExpression": "epoch = :epoch OR attribute_not_exists(epoch)"
            if self.epoch == FIRST_EPOCH
            else "epoch = :epoch",
            "ExpressionAttributeValues": {":epoch": {"N": str(self.epoch)}},
        }

    def move(self, end: str, to: str, now: datetime) -> "UpdateTypeDef":
        """The update that takes all lanes before `end` on to position `to`, and nothing else."""
        before = self.progress
        after = before.moved(end, to)
        revision = self._new_revision()
        self._tried = Known(after, revision, self.epoch)
        values: dict[str, AttributeValueTypeDef] = {
            ":revision": {"S": revision},
            ":now": {"S": canonical_time(now)},
            ":until": {"N": str(ceil((now + POSITION_KEPT).timestamp()))},
            ":epoch": {"N": str(self.epoch)},
        }
        sets = "SET revision = :revision, epoch = :epoch, updated_at = :now, expires_at = :until"
        names = {}
        if after.position != before.position:
            sets += ", #position = :position"
            values[":position"] = {"S": after.position}
            names = {"#position": "position"}
        if after.ahead:
            sets += ", ahead = :ahead"
            values[":ahead"] = {"S": after.dump()}
        else:
            sets += " REMOVE ahead"
        if self._known is None:
            condition = "attribute_not_exists(ahead) AND #position < :first AND epoch = :epoch"
            names = {"#position": "position"}
            values[":first"] = {"S": self._first}
        elif self._known.revision is None:
            condition = "attribute_not_exists(revision)"
        else:
            condition = "revision = :known"
            values[":known"] = {"S": self._known.revision}
        update: UpdateTypeDef = {
            "TableName": self.table,
            "Key": reserved_key(POSITION, self.shard_id),
            "UpdateExpression": sets,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if names:
            update["ExpressionAttributeNames"] = names
        return update

    def moved(self) -> None:
        """The last update is in."""
        self._known = self._tried

    def found(self, known: Known) -> bool:
        """Take in what the item says after a refusal. Whether it says that our own move is in:
        its answer got lost, and asking again was refused."""
        self._known = known
        return self._tried is not None and known.revision == self._tried.revision


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
    return Known(progress, texts.get("revision"), epoch)
