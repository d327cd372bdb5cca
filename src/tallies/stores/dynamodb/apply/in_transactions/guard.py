"""The guard: one item for each shard, which every transaction of the shard checks and moves."""

from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING
from uuid import uuid4

from tallies.core.times import canonical_time
from tallies.stores.dynamodb.apply.position import POSITION_KEPT, Known
from tallies.stores.dynamodb.apply.progress import Progress
from tallies.stores.dynamodb.catalog.catalog import FIRST_EPOCH
from tallies.stores.dynamodb.rows.keys import POSITION, SETTINGS, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        ConditionCheckTypeDef,
        UpdateTypeDef,
    )


class Guard:
    """One batch's way through one shard.

    It begins without knowing the item, and assumes the usual case: all rows are equally far, and
    none holds the first record of the batch. That costs no read. After a move it knows the item;
    after a refusal the item must be read.

    It succeeds only in its own epoch, so that records are never applied to fewer tallies than the
    store keeps. Before a shard's first move there is no item that could hold an epoch:
    `needs_epoch` asks for a check of the settings in the same transaction.

    Rows are put into their buckets after a move (see `buckets`). A program begins a batch only when
    the rows of all earlier ones are in theirs. With `notes_fitted`, the first move of the batch
    notes that, for the position that it finds.
    """

    def __init__(
        self,
        table: str,
        shard_id: str,
        first: str,
        new_revision: Callable[[], str] | None = None,
        epoch: int = FIRST_EPOCH,
        *,
        notes_fitted: bool = False,
    ) -> None:
        self.table = table
        self.shard_id = shard_id
        self.epoch = epoch
        self._first = first
        self._notes_fitted = notes_fitted
        self._known: Known | None = None
        self._tried: Known | None = None
        self._new_revision = new_revision or (lambda: uuid4().hex)

    @property
    def progress(self) -> Progress:
        """How far the rows are, as far as that matters for the batch."""
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
            # Tables that a template made have no settings before the first record.
            "ConditionExpression": "epoch = :epoch OR attribute_not_exists(epoch)"
            if self.epoch == FIRST_EPOCH
            else "epoch = :epoch",
            "ExpressionAttributeValues": {":epoch": {"N": str(self.epoch)}},
        }

    def move(self, end: str, to: str, now: datetime) -> "UpdateTypeDef":
        """The update that moves all lanes before `end` on to position `to`, and no others."""
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
        if self._notes_fitted and self._is_before_batch:
            if self._known is None:
                sets += ", fitted = #position"
            else:
                sets += ", fitted = :fitted"
                values[":fitted"] = {"S": before.position}
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

    @property
    def _is_before_batch(self) -> bool:
        """Whether no row holds anything of the batch."""
        return not self.progress.ahead and self.progress.position < self._first

    def moved(self) -> None:
        """The last update has been applied."""
        self._known = self._tried

    def found(self, known: Known) -> bool:
        """Take in what the item says after a refusal. Whether it says that our own move was
        applied: then its answer got lost, and the repeated request was refused."""
        self._known = known
        return self._tried is not None and known.revision == self._tried.revision
