"""Catching up: where positions are only noted, a rebuild itself applies what is in the stream.

An aggregator acknowledges a batch only after it has checked whether the catalog has changed. So
once new tallies are in the catalog, all records that were acknowledged without them are in the
stream already, before the last note or after it. Those before it the rebuild finds missing, and
adds. Those after it are applied here to the new tallies, too; rows that hold them already refuse
them.
"""

from contextlib import suppress

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.client.paging import batches
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Stream


def catch_up(stream: Stream, apply: GuardedApply) -> None:
    """Apply all that the stream holds now, of shards that have been read before, and note it.

    Raises:
        StoreUnavailable: the tables are busy.
    """
    for shard in stream.shards():
        known = apply.known_of(shard.id)
        if known.revision is None:
            continue
        with suppress(HistoryTrimmed):  # the rebuild itself makes up for that
            for some in batches(stream.after(shard, known.progress.least), MAX_RECORDS):
                applied = apply.apply_shard(shard.id, some)
                if applied.unapplied_from is not None:
                    raise StoreUnavailable(f"The tables are busy: {applied.reason}; run it again.")
        apply.note(shard.id)
