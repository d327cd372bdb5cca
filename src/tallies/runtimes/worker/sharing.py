"""Sharing: how workers that read the same rows arrive at the same division of the shards."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from tallies.stores.dynamodb.stream.leases import Lease


class Moves(NamedTuple):
    """What a worker does to reach its share."""

    keep: Sequence[str]
    take: Sequence[str]
    give_back: Sequence[str]


def quota(worker: str, alive: Collection[str], shards: int) -> int:
    """How many shards a worker reads: all the same number, and the first few one more.

    >>> [quota(worker, ["ann", "bob", "cal"], 5) for worker in ("ann", "bob", "cal")]
    [2, 2, 1]
    """
    everybody = sorted({*alive, worker})
    each, rest = divmod(shards, len(everybody))
    return each + (everybody.index(worker) < rest)


def moves(
    worker: str, alive: Collection[str], shards: Sequence[str], leases: Mapping[str, Lease]
) -> Moves:
    """What to do about the shards that can be read now. Those of dead workers are free.

    The quotas add up to the number of shards, so none stays without a reader.
    """
    nothing = Lease()
    holder = {shard: leases.get(shard, nothing).holder for shard in shards}
    mine = [shard for shard in shards if holder[shard] == worker]
    living = {*alive, worker}
    free = [shard for shard in shards if holder[shard] not in living]
    room = quota(worker, living, len(shards))
    return Moves(mine[:room], free[: max(0, room - len(mine))], mine[room:])
