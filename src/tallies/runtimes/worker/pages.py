"""Pages: one shard's records from a position to its end, through idle times and old iterators."""

from collections.abc import Callable, Iterator
from typing import Protocol

from tallies.runtimes.worker.pace import Pace
from tallies.stores.dynamodb.errors import IteratorExpired
from tallies.stores.dynamodb.stream import StreamRecord


class Readable(Protocol):
    """What is asked of a stream."""

    def iterator(self, shard: str, after: str = "") -> str: ...

    def read(self, iterator: str, limit: int = ...) -> tuple[list[StreamRecord], str | None]: ...


def pages(
    stream: Readable,
    shard: str,
    after: str,
    wait: Callable[[float], bool],
    last: Callable[[], str | None] = lambda: None,
    pace: Pace | None = None,
) -> Iterator[list[StreamRecord]]:
    """The pages of a shard, as they come, until it ends or `wait` says that it is time to stop.

    `wait` pauses for some seconds, or less when there is to be a stop; it says whether there is.
    `last` gives the position of the shard's last record once it is known: a shard whose end was
    read is over, even if the service goes on handing out iterators for it.

    Raises:
        HistoryTrimmed: records after the position have left the stream unread.
        StoreError: the stream cannot be read.
    """
    pace = pace or Pace()
    iterator: str | None = None
    while True:
        if iterator is None:
            iterator = stream.iterator(shard, after)
        try:
            records, following = stream.read(iterator)
        except IteratorExpired:
            # After fifteen minutes: a pause of the machine, or a batch that waited for long.
            iterator = None
            continue
        iterator = following
        if records:
            pace.news()
            after = records[-1].change.position
            yield records
        end = last()
        if iterator is None or (end is not None and after >= end):
            return
        if wait(0.0 if records else pace.pause()):
            return
