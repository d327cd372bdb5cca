"""Notes: how far a shard is, where the rows hold their own positions.

Nothing is counted by them. They save a program that begins to read a shard from reading what has
been applied, and show the others how far the shard is; so they may be late, but never early.
"""

from contextlib import suppress
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING
from uuid import uuid4

from tallies.core.times import canonical_time
from tallies.stores.dynamodb.apply.position import POSITION_KEPT
from tallies.stores.dynamodb.apply.transactions import Refused, Sender
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

NOTE_SECONDS = 60.0
NOTE_RECORDS = 1_000
"""A note is due after this many records, but no sooner than this long after the last one."""
LONGEST_SECONDS = 900.0
"""The longest that a shard whose records are applied goes without a note."""


class Notes:
    """The notes of one program. For one thread at a time."""

    def __init__(self, sender: Sender, table: str) -> None:
        self._sender = sender
        self._table = table
        self._waiting: dict[str, str] = {}
        self._records: dict[str, int] = {}
        self._written_at: dict[str, float] = {}

    def add(self, shard_id: str, position: str, records: int) -> None:
        """Remember that so many more records of a shard, up to a position, are in all rows."""
        self._records[shard_id] = self._records.get(shard_id, 0) + records
        self._waiting[shard_id] = max(position, self._waiting.get(shard_id, ""))
        self._written_at.setdefault(shard_id, self._sender.monotonic())

    def waiting(self, shard_id: str) -> str:
        """The position that is not written yet; empty when there is none."""
        return self._waiting.get(shard_id, "")

    def is_due(self, shard_id: str) -> bool:
        """Whether a position waits, and the last note is many records or long enough ago."""
        if shard_id not in self._waiting:
            return False
        much = self._records[shard_id] >= NOTE_RECORDS
        wait = NOTE_SECONDS if much else LONGEST_SECONDS
        return self._sender.monotonic() >= self._written_at[shard_id] + wait

    def write(
        self, shard_id: str, position: str, epoch: int, now: datetime, deadline: float
    ) -> None:
        """Write the position that waits, or the given one if that is later.

        Raises:
            OutOfTime: the table is busy.
        """
        position = max(position, self.waiting(shard_id))
        if not position:
            return
        update: UpdateTypeDef = {
            "TableName": self._table,
            "Key": reserved_key(POSITION, shard_id),
            "UpdateExpression": "SET #position = :position, revision = :revision,"
            " updated_at = :now, expires_at = :until REMOVE ahead",
            # Only in its own epoch: in a later one it would skip records that new tallies still
            # lack.
            "ConditionExpression": "epoch = :epoch AND"
            " (attribute_not_exists(#position) OR #position < :position)",
            "ExpressionAttributeNames": {"#position": "position"},
            "ExpressionAttributeValues": {
                ":position": {"S": position},
                ":revision": {"S": uuid4().hex},
                ":epoch": {"N": str(epoch)},
                ":now": {"S": canonical_time(now)},
                ":until": {"N": str(ceil((now + POSITION_KEPT).timestamp()))},
            },
        }
        with suppress(Refused):  # another program has noted more, or it is another epoch by now
            self._sender.update(update, deadline)
        self._waiting.pop(shard_id, None)
        self._records.pop(shard_id, None)
        self._written_at[shard_id] = self._sender.monotonic()
