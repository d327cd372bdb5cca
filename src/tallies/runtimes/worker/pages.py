"""Pages: one shard's records from a position to its end, through idle times and old iterators."""

from collections.abc import Callable, Iterator

from tallies.runtimes.worker.pace import Pace
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.stream.records import StreamRecord

TRIMMED_TRIES = 3
"""An iterator that has waited may point at records that are gone although none after the position
are. (DynamoDB Local says so of every iterator that was made before the first record.) History
counts as lost only when new iterators say so, one after another."""

FULL_RECORDS = 200
"""After a page of this many records, another may be ready at once. After a smaller one the reader
has caught up, and asking again at once would only cost requests."""

Page = tuple[list[StreamRecord], str | None]
"""Records, maybe none, and the iterator after them; None at the shard's end."""


def pages(
    open_at: Callable[[str], str],
    read: Callable[[str], Page],
    after: str,
    wait: Callable[[float], bool],
    last: Callable[[], str | None] = lambda: None,
    pace: Pace | None = None,
) -> Iterator[list[StreamRecord]]:
    """The pages of a shard, as they come, until it ends or `wait` says that it is time to stop.

    `open_at` makes an iterator for what comes after a position, `read` uses it. `wait` pauses for
    some seconds, or less if the reader is to stop, and returns whether it is. `last` gives the
    position of the shard's last record once it is known: a shard whose end was read is over, even
    if the service goes on handing out iterators for it.

    Raises:
        HistoryTrimmed: records after the position have left the stream unread.
        StoreError: the stream cannot be read.
    """
    pace = pace or Pace()
    iterator: str | None = None
    trimmed = 0
    while True:
        if iterator is None:
            iterator = open_at(after)
        try:
            records, iterator = read(iterator)
        except IteratorExpired:
            # After fifteen minutes: the machine paused, or a batch waited for long.
            iterator = None
            continue
        except HistoryTrimmed:
            trimmed += 1
            if trimmed == TRIMMED_TRIES:
                raise
            iterator = None
            continue
        trimmed = 0
        if records:
            pace.news()
            after = records[-1].change.position
            yield records
        end = last()
        if iterator is None or (end is not None and after >= end):
            return
        if wait(0.0 if len(records) >= FULL_RECORDS else pace.pause()):
            return
