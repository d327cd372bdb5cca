"""Catching up: the stream is read to its end once, beside the readers that stay on it."""

from collections.abc import Callable, Iterator
from time import monotonic, sleep

from tallies.core.errors import StoreUnavailable
from tallies.runtimes.worker.lineage import came_from_nowhere, nobody_knows
from tallies.stores.dynamodb.apply.aggregate import StreamAggregator
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.snapshot.horizon import check_beginning
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.dynamodb.stream.stream import Shard
from tallies.stores.protocol import Applied, Store

QUIET_SECONDS = 1.0
"""After this long without a new record, the stream counts as read. A write comes through a stream
within a fraction of that; no service says when all writes have."""
LOOK_SECONDS = 0.1
STUCK_SECONDS = 60.0
"""After this long in which the tables took none of the waiting records, catching up gives up."""


def catch_up(
    store: Store,
    on_applied: Callable[[Applied], None] | None = None,
    *,
    quiet_seconds: float = QUIET_SECONDS,
) -> Iterator[int]:
    """Carry what is in the stream into the tallies; yields how many records have been read so far.

    Beside a worker or a function that reads the same stream this does no harm: each record counts
    once.

    Raises:
        StoreUnavailable: the tables do not take what is in the stream.
        TypeError: the store has no stream.
    """
    if not isinstance(store, DynamoStore):
        raise TypeError(f"{type(store).__name__} has no stream to catch up with")
    if store.settings.guard() == "markers":
        # Only the function that the event source mapping calls may apply these records.
        while store.backlog.oldest() is not None:
            sleep(quiet_seconds)
            yield 0
        return
    yield from _to_the_end(store.aggregator(), on_applied, quiet_seconds)


def catch_up_alone(
    store: DynamoStore,
    on_applied: Callable[[Applied], None] | None = None,
    *,
    quiet_seconds: float = QUIET_SECONDS,
) -> Iterator[int]:
    """As `catch_up`, for the only reader of a stream, which runs from time to time.

    As a worker does, it checks that nothing left the stream between two runs, and records which
    shards are finished.

    Raises:
        HistoryTrimmed: records left the stream before they were applied.
        StoreUnavailable: the tables do not take what is in the stream.
    """
    if store.settings.guard() == "markers":
        yield from catch_up(store, on_applied, quiet_seconds=quiet_seconds)
        return

    def see_that_nothing_is_lost(shard: Shard) -> None:
        finished = store.leases.roll().finished
        try:
            if came_from_nowhere(shard, store.stream.shards(), finished | aggregator.finished):
                raise HistoryTrimmed(nobody_knows(shard))
            check_beginning(store.stream, shard)
        except HistoryTrimmed as lost:
            sentence = f"Shard {shard.id}: {lost}"
            store.leases.trouble(shard.id, sentence)
            raise HistoryTrimmed(sentence) from None

    aggregator = StreamAggregator(
        store.stream, store.guarded_apply(), on_first_read=see_that_nothing_is_lost
    )
    yield from _to_the_end(aggregator, on_applied, quiet_seconds)
    for shard in sorted(aggregator.finished - store.leases.roll().finished):
        store.leases.finish(shard)
    if (trouble := store.status().details.get("trouble")) is not None:
        raise HistoryTrimmed(str(trouble))


def _to_the_end(
    aggregator: StreamAggregator,
    on_applied: Callable[[Applied], None] | None,
    quiet_seconds: float,
) -> Iterator[int]:
    read, last_news = 0, monotonic()
    is_quiet = True
    while monotonic() - last_news < (quiet_seconds if is_quiet else STUCK_SECONDS):
        applied = aggregator.step()
        # A batch that the tables did not take still waits, however long it was tried.
        is_quiet = not applied.more
        if applied.records or applied.duplicates:
            read += applied.records + applied.duplicates
            last_news = monotonic()
            if on_applied is not None:
                on_applied(applied)
            yield read
        else:
            sleep(LOOK_SECONDS)
    if not is_quiet:
        raise StoreUnavailable(
            f"The tables took nothing for {STUCK_SECONDS:.0f} s, and records are left in the"
            " stream: run it again when they take writes again."
        )
