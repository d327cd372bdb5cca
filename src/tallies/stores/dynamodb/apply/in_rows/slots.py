"""Slots: each shard that is read holds a small number, by which rows call it.

A slot may be handed on only when all rows hold all records of its holder. That is so once a
descendant of the holder is delivered (a shard is read after its parent), and once the stream has
forgotten the holder.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from tallies.core.errors import StoreUnavailable
from tallies.core.times import canonical_time
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.apply.position import POSITION_KEPT
from tallies.stores.dynamodb.client.explain import error_code
from tallies.stores.dynamodb.rows.keys import POSITION, SLOTS, reserved_key
from tallies.stores.dynamodb.stream.stream import Shard

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORGOTTEN_AFTER = timedelta(hours=48)
"""A stream keeps records for a day. A shard that it does not list might be new, but not one that
took its slot this long ago."""
TRIES = 20


class _Held(NamedTuple):
    """A line of the register: who holds a slot."""

    shard: str
    generation: int
    since: float


class Slots:
    """Gives slots to the shards of one source."""

    def __init__(
        self, client: "DynamoDBClient", table: str, shards: Callable[[], Sequence[Shard]]
    ) -> None:
        """`shards` lists those that the stream has."""
        self._client = client
        self._table = table
        self._shards = shards

    def give(self, shard_id: str, epoch: int, now: datetime) -> None:
        """Make sure that a shard's item names its slot. Its ancestors must all be read to the end.

        Raises:
            StoreUnavailable: many shards take slots at this moment.
        """
        self._note(shard_id, self._take(shard_id, now), epoch, now)

    def _note(self, shard_id: str, slot: Slot, epoch: int, now: datetime) -> None:
        """Write the slot into the shard's own item: the register forgets it one day.

        This comes before any row is written. The item gets a revision, so that a change of the
        catalog fences this shard, too.
        """
        self._client.update_item(
            TableName=self._table,
            Key=reserved_key(POSITION, shard_id),
            UpdateExpression="SET slot = if_not_exists(slot, :slot),"
            " generation = if_not_exists(generation, :generation),"
            " epoch = if_not_exists(epoch, :epoch),"
            " revision = if_not_exists(revision, :revision),"
            " updated_at = if_not_exists(updated_at, :now),"
            " expires_at = if_not_exists(expires_at, :until)",
            ExpressionAttributeValues={
                ":slot": {"N": str(slot.number)},
                ":generation": {"N": str(slot.generation)},
                ":epoch": {"N": str(epoch)},
                ":revision": {"S": f"slot {slot.number}"},
                ":now": {"S": canonical_time(now)},
                ":until": {"N": str(ceil((now + POSITION_KEPT).timestamp()))},
            },
        )

    def _take(self, shard_id: str, now: datetime) -> Slot:
        for _ in range(TRIES):
            found: Any = self._client.get_item(
                TableName=self._table, Key=reserved_key(SLOTS), ConsistentRead=True
            ).get("Item", {})
            revision = found.get("revision", {}).get("N")
            register = [_Held(*line) for line in json.loads(found["slots"]["S"])] if found else []
            for number, held in enumerate(register):
                if held.shard == shard_id:
                    return Slot(number, held.generation)
            number = self._free(shard_id, register, now)
            generation = register[number].generation + 1 if number < len(register) else 1
            register[number : number + 1] = [_Held(shard_id, generation, now.timestamp())]
            if self._registered(register, revision):
                return Slot(number, generation)
        raise StoreUnavailable("Many shards take slots at this moment; try again.")

    def _free(self, shard_id: str, register: Sequence[_Held], now: datetime) -> int:
        """The number of a slot whose holder has been read to the end; else that of a new one."""
        listed = {shard.id: shard for shard in self._shards()}
        ancestors = set()
        shard = listed.get(shard_id)
        while shard is not None and shard.parent is not None and shard.parent not in ancestors:
            ancestors.add(shard.parent)
            shard = listed.get(shard.parent)
        for number, held in enumerate(register):
            if held.shard in ancestors:
                return number
        long_ago = (now - FORGOTTEN_AFTER).timestamp()
        for number, held in enumerate(register):
            if held.shard not in listed and held.since < long_ago:
                return number
        return len(register)

    def _registered(self, register: Sequence[_Held], revision: str | None) -> bool:
        """Write the register if nobody else has meanwhile; whether it is written."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=reserved_key(SLOTS),
                UpdateExpression="SET slots = :slots, revision = :next",
                ConditionExpression="attribute_not_exists(revision)"
                if revision is None
                else "revision = :known",
                ExpressionAttributeValues={
                    ":slots": {"S": json.dumps(register)},
                    ":next": {"N": str(int(revision or 0) + 1)},
                    **({} if revision is None else {":known": {"N": revision}}),
                },
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True
