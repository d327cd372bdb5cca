"""Lineage: a shard's records come after all of its parent's, so it is read after its parent."""

from collections.abc import Collection, Sequence

from tallies.stores.dynamodb.stream.stream import Shard


def ready(shards: Sequence[Shard], finished: Collection[str]) -> list[Shard]:
    """The shards that may be read now: not finished themselves, with no parent still to read.

    A parent that has left the stream is over; `came_from_nowhere` checks whether it was read.
    """
    open_or_unread = {shard.id for shard in shards} - set(finished)
    return [
        shard
        for shard in shards
        if shard.id in open_or_unread and shard.parent not in open_or_unread
    ]


def came_from_nowhere(shard: Shard, shards: Sequence[Shard], finished: Collection[str]) -> bool:
    """Whether the parent has left the stream, and is not recorded as read to its end."""
    return (
        shard.parent is not None
        and shard.parent not in finished
        and shard.parent not in {each.id for each in shards}
    )


def nobody_knows(shard: Shard) -> str:
    """What to report of a shard that came from nowhere."""
    return (
        f"the one before it, {shard.parent}, has left the stream (which keeps 24 hours), and nobody"
        " knows whether all of its records were applied; `tallies rebuild` makes the tallies right"
        " again."
    )
