"""From markers to positions: a store that marked its records one by one goes over to positions.

Up to some position of each shard, every record is counted under its marker, whichever program
counts it. From there on, records are recognized by the shard's position. The last of these
positions are set in the same transaction that makes the change.
"""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.apply.position import read_position
from tallies.stores.dynamodb.apply.progress import END
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS, OutOfTime, Refused, Sender
from tallies.stores.dynamodb.client.paging import MAX_KEYS, batches
from tallies.stores.dynamodb.stream.backlog import marked_of
from tallies.stores.dynamodb.stream.stream import Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

SECONDS = 60.0
"""How long the change of guards is tried."""


def catch_up(
    client: "DynamoDBClient", table: str, stream: Stream, apply: GuardedApply
) -> dict[str, str]:
    """Apply by markers all that the stream holds now; returns the last position of each shard.

    No program that uses markers may go on reading the stream. What one had read before this began
    is at or before these positions, and counts once, under its marker.

    Raises:
        StoreUnavailable: the tables are busy.
    """
    ends = {}
    for shard in stream.shards():
        for some in batches(stream.after(shard, ""), MAX_KEYS):
            marked = marked_of(client, table, some)
            applied = apply.apply_marked([each for each in some if each.event_id not in marked])
            if applied.unapplied_from is not None:
                raise StoreUnavailable(f"The tables are busy: {applied.reason}; run it again.")
            if apply.buckets:  # the program that marked them may have died before it did
                apply.refit([each for each in some if each.event_id in marked])
            ends[shard.id] = some[-1].change.position
    return ends


def hand_over(
    client: "DynamoDBClient",
    sender: Sender,
    table: str,
    ends: dict[str, str],
    change: "UpdateTypeDef",
    epoch: int,
    now: datetime,
) -> None:
    """Set the positions, and make `change`, which says that positions count from now on.

    One transaction sets the last of them and makes the change. The others may be set before it: as
    long as records are recognized by markers, no program goes by positions, and all records up to
    these have markers.

    Raises:
        StoreUnavailable: somebody else was faster, or the table is busy.
    """
    deadline = monotonic() + SECONDS
    try:
        waiting = list(ends.items())
        while len(waiting) >= MAX_ACTIONS:
            some, waiting = waiting[:MAX_ACTIONS], waiting[MAX_ACTIONS:]
            sender.transact(_moves(client, table, some, epoch, now), deadline)
        moves = _moves(client, table, waiting, epoch, now)
        sender.transact([{"Update": change}, *moves], deadline)
    except Refused:
        raise StoreUnavailable(
            "Somebody else changes how records are known; see who, and run it again."
        ) from None
    except OutOfTime as error:
        raise StoreUnavailable(f"The table {table} is busy: {error}; run it again.") from None


def _moves(
    client: "DynamoDBClient",
    table: str,
    ends: Sequence[tuple[str, str]],
    epoch: int,
    now: datetime,
) -> "list[TransactWriteItemTypeDef]":
    moves: list[TransactWriteItemTypeDef] = []
    for shard, end in ends:
        guard = Guard(table, shard, end, epoch=epoch)
        guard.found(read_position(client, table, shard))
        moves.append({"Update": guard.move(END, end, now)})
    return moves
