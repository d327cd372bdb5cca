"""From markers to positions: a store whose records were marked one by one goes by its shards.

Up to some position of each shard all records are counted under markers, whoever counts them. From
there on they are known by that position. Both change in one transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply import GuardedApply
from tallies.stores.dynamodb.backlog import marked_of
from tallies.stores.dynamodb.guard import Guard, read_position
from tallies.stores.dynamodb.lanes import END
from tallies.stores.dynamodb.paging import MAX_KEYS, batches
from tallies.stores.dynamodb.stream import Stream
from tallies.stores.dynamodb.transactions import MAX_ACTIONS, OutOfTime, Refused, Sender

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

SECONDS = 60.0
"""How long the change of guards is tried."""


def catch_up(
    client: "DynamoDBClient", table: str, stream: Stream, apply: GuardedApply
) -> dict[str, str]:
    """Apply by markers all that the stream holds now; the position of each shard up to which.

    Nobody may go on to read the stream for markers. What somebody had read before this began is
    at or before these positions, and counts once, under its marker.

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
    """Set the positions, and make `change`, which says that they count from here on.

    The last of them and the change come in one transaction. The others may come before it: as long
    as records are known by markers nobody goes by positions, and all up to these have markers.

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
