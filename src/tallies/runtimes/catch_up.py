"""Catching up: the stream is read to its end once, beside whoever reads it for good."""

from collections.abc import Callable, Iterator
from time import monotonic, sleep

from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.protocol import Applied, Store

QUIET_SECONDS = 1.0
"""Nothing new for so long, and the stream counts as read. What was written comes through a stream
within a fraction of it; no service says when all of it has."""
LOOK_SECONDS = 0.1


def catch_up(
    store: Store,
    on_applied: Callable[[Applied], None] | None = None,
    *,
    quiet_seconds: float = QUIET_SECONDS,
) -> Iterator[int]:
    """Carry what is in the stream into the tallies; yields how many records were read so far.

    Beside a worker or a function that reads the same stream this does no harm: each record counts
    once.

    Raises:
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
    aggregator = store.aggregator()
    read, last_news = 0, monotonic()
    while monotonic() - last_news < quiet_seconds:
        applied = aggregator.step()
        if applied.records or applied.duplicates:
            read += applied.records + applied.duplicates
            last_news = monotonic()
            if on_applied is not None:
                on_applied(applied)
            yield read
        else:
            sleep(LOOK_SECONDS)
