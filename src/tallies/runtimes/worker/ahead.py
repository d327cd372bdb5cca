"""Reading ahead: the next pages are fetched while the last batch is written.

What came meanwhile is the next batch, so batches are small while the worker keeps up, and grow,
and so cost fewer writes a record, as soon as it falls behind.
"""

from collections.abc import Callable, Iterator
from threading import Condition, Thread
from time import monotonic
from types import TracebackType
from typing import Self

from tallies.stores.dynamodb.stream import StreamRecord

MAX_AHEAD = 20_000
"""Records that are held, about: some tens of megabytes, and some seconds of writing."""


Read = Callable[[Callable[[float], bool]], Iterator[list[StreamRecord]]]
"""Makes the pages, given what pauses for some seconds and says whether to stop."""


class ReadAhead:
    """A thread that reads pages into a buffer, for a `with` statement."""

    def __init__(self, read: Read, limit: int = MAX_AHEAD, name: str = "") -> None:
        self._read = read
        self._limit = limit
        self._changed = Condition()
        self._buffer: list[StreamRecord] = []
        self._over = False
        self._closed = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name=f"tallies-read-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def take(self, seconds: float) -> list[StreamRecord] | None:
        """All that was read since; nothing after some seconds without news; None at the end.

        Raises:
            StoreError: the reading failed, after what was taken before.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._over, seconds)
            records, self._buffer = self._buffer, []
            self._changed.notify_all()
            if records or not self._over:
                return records
            if self._error is not None:
                raise self._error
            return None

    def _wait(self, seconds: float) -> bool:
        """Pause the reading thread; whether it is to stop."""
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
            self._changed.wait_for(lambda: self._closed or len(self._buffer) < self._limit)
            self._buffer.extend(page)
            self._changed.notify_all()
            return not self._closed
