"""Refitting: a shard's next writer moves the rows into buckets that the last one left unmoved.

Rows are moved into their buckets after the transaction that wrote them and moved the shard's
position. A program that reads on from that position will never see the last batch again; so before
it reads on, it moves the rows of that batch into their buckets. Where the shard's item says that
they are there already, nothing is read.
"""

from contextlib import suppress
from itertools import takewhile

from botocore.exceptions import ClientError

from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.client.paging import batches
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Shard, Stream


def refit(stream: Stream, apply: GuardedApply, shard: Shard) -> None:
    """Move the rows of a shard's last batch into their buckets, unless that is known to be done.

    Records that have left the stream meanwhile cannot be read again; `tallies verify` then reports
    the rows that are in a wrong bucket.

    Raises:
        StoreError: the stream or the tables cannot be used now.
    """
    if not apply.buckets:
        return
    known = apply.known_of(shard.id)
    last = max(run.position for run in known.progress.runs)
    if known.fitted is None or known.fitted >= last:
        return
    with suppress(HistoryTrimmed, IteratorExpired):
        records = takewhile(
            lambda record: record.change.position <= last, stream.after(shard, known.fitted)
        )
        for some in batches(records, MAX_RECORDS):
            apply.refit(some)
        with suppress(ClientError):  # another program has moved the shard on
            apply.note_fitted(shard.id, known)
