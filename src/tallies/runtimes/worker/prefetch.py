"""Prefetch: the next pages are read while the last batch is written.

The records that came meanwhile are the next batch. So batches are small while the worker keeps up;
as soon as it falls behind, they grow and cost fewer writes a record.
"""

from collections.abc import Callable, Iterator
from threading import Condition, Thread
from time import monotonic
from typing import Self

from tallies.runtimes.worker.pages import FULL_RECORDS
from tallies.stores.dynamodb.stream.records import StreamRecord

MAX_RECORDS_AHEAD = 20_000
"""About how many records are held: some 90 MB of small rows, and some seconds of writing."""
MAX_BYTES_AHEAD = 32_000_000
"""Their size in the stream: a record may hold two images of 400 KB."""
WORTH_WRITING = MAX_RECORDS_AHEAD // 2
GATHER_SECONDS = 1.0
"""A worker that is behind waits this long for a batch that is worth writing: hot rows are then
written once for thousands of records."""

Read = Callable[[Callable[[float], bool]], Iterator[list[StreamRecord]]]
"""Makes the pages, given a function that pauses for some seconds and returns whether to stop."""


class Prefetch:
    """A thread that reads pages into a buffer, for a `with` statement."""

    def __init__(
        self,
        read: Read,
        name: str = "",
        *,
        max_records: int = MAX_RECORDS_AHEAD,
        max_bytes: int = MAX_BYTES_AHEAD,
    ) -> None:
        self._read = read
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._changed = Condition()
        self._buffer: list[StreamRecord] = []
        self._bytes = 0
        self._is_behind = False
        self._over = False
        self._closed = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name=f"tallies-read-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def take(self, seconds: float) -> list[StreamRecord] | None:
        """All that was read since the last call; empty if nothing comes in time; None at the end.

        Raises:
            StoreError: reading failed, and all records before that have been taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._over, seconds)
            self._changed.wait_for(self._is_worth_writing, GATHER_SECONDS)
            records, self._buffer, self._bytes = self._buffer, [], 0
            self._changed.notify_all()
            if records or not self._over:
                return records
            if self._error is not None:
                raise self._error
            return None

    def _wait(self, seconds: float) -> bool:
        """Pause the reading thread; returns whether it is to stop."""
        until = monotonic() + seconds
        with self._changed:
            while not self._closed and (left := until - monotonic()) > 0:
                self._changed.wait(left)
            return self._closed

    def _run(self) -> None:
        try:
            for page in self._read(self._wait):
                if not self._keep(page):
                    return
        except BaseException as error:  # noqa: BLE001 # raised again where the records are taken
            self._error = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _keep(self, page: list[StreamRecord]) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._is_full())
            self._buffer.extend(page)
            self._bytes += sum(map(size_of, page))
            self._is_behind = len(page) >= FULL_RECORDS
            self._changed.notify_all()
            return not self._closed

    def _is_full(self) -> bool:
        return len(self._buffer) >= self._max_records or self._bytes >= self._max_bytes

    def _is_worth_writing(self) -> bool:
        return (
            not self._is_behind
            or self._over
            or len(self._buffer) >= min(WORTH_WRITING, self._max_records)
            or self._bytes >= self._max_bytes
        )


def size_of(record: StreamRecord) -> int:
    """The size of a record in the stream, in bytes."""
    size: int = record.raw["dynamodb"].get("SizeBytes", 0)
    return size
