"""A consumer: the threads that carry one shard into the tallies, from its position to its end."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from time import monotonic

from tallies.core.errors import StoreError
from tallies.runtimes.worker.lineage import nobody_knows
from tallies.runtimes.worker.pace import Pace
from tallies.runtimes.worker.pages import pages
from tallies.runtimes.worker.prefetch import Prefetch
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.in_transactions.refit import refit
from tallies.stores.dynamodb.client.errors import HistoryTrimmed
from tallies.stores.dynamodb.snapshot.horizon import check_beginning
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Shard, Stream

REST_SECONDS = 0.2
"""Pause after a small batch, so that the next one is worth its transaction."""
LOOK_SECONDS = 0.25
"""How often a consumer without records checks whether it should stop."""
BATCH_SECONDS = 20.0
"""How long one batch is tried before it is read anew. A stop takes this and a note at most."""
LOST_SECONDS = 30.0
"""How often a consumer checks whether tallies whose history was lost have been rebuilt."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reports:
    """What a consumer reports, from its own thread."""

    applied: Callable[[str, ApplyResult, Sequence[StreamRecord]], None]
    """Shard, and what became of a batch."""
    finished: Callable[[str], None]
    """Shard: all of its records are applied, and no more will come."""
    trouble: Callable[[str, str | None], None]
    """Shard, and why its records cannot be applied; None when they can again."""


class ShardConsumer:
    """Reads one shard until it ends or is told to stop, whatever fails in between."""

    def __init__(self, stream: Stream, apply: GuardedApply, shard: Shard, reports: Reports) -> None:
        self.shard = shard
        """The shard as last listed; the worker updates it, so that its end becomes known."""
        self.rootless = False
        """Whether its parent has left the stream, and no worker recorded that it was read to its
        end."""
        self._stream = stream
        self._apply = apply
        self._reports = reports
        self._stop = Event()
        self._retry = Pace(0.5, 30.0)
        self._in_trouble = False
        self._failing: tuple[float, str] | None = None
        """Since when nothing has gone well, by the monotonic clock, and why."""
        self._thread = Thread(target=self._run, name=f"tallies-{shard.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the consumer to end after the batch that it is writing. Does not wait."""
        self._stop.set()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._read_on():
                    self._reports.finished(self.shard.id)
                    return
                continue
            except HistoryTrimmed as lost:
                self._in_trouble = True
                self._tell_trouble(f"Shard {self.shard.id}: {lost}")
                pause = LOST_SECONDS
            except StoreError as error:
                pause = self._retry.pause()
                self._fails(str(error))
                log.warning("shard %s waits %.1f s: %s", self.shard.id, pause, error)
            except Exception:
                pause = self._retry.pause()
                self._fails("Nobody foresaw why; its log says it.")
                log.exception("shard %s waits, for a reason that nobody foresaw", self.shard.id)
            self._stop.wait(pause)

    def why_it_waits(self, seconds: float) -> str | None:
        """Why nothing has gone well for so long; None if something has."""
        failing = self._failing
        if failing is None or monotonic() - failing[0] < seconds:
            return None
        return f"Shard {self.shard.id} waits: {failing[1]}"

    def _fails(self, why: str) -> None:
        self._failing = (self._failing[0] if self._failing else monotonic()), why

    def _is_well(self) -> None:
        if self._in_trouble:
            self._in_trouble = False
            self._tell_trouble(None)

    def _tell_trouble(self, sentence: str | None) -> None:
        if sentence is not None:
            log.error("%s", sentence)
        try:
            self._reports.trouble(self.shard.id, sentence)
        except StoreError as error:
            log.warning("%s", error)

    def _read_on(self) -> bool:
        """Apply what comes after the shard's position; whether the shard's end was reached.

        Raises:
            HistoryTrimmed: records have left the stream before they were applied.
            StoreError: the stream or the tables cannot be used now.
        """
        refit(self._stream, self._apply, self.shard)
        position = self._apply.position_of(self.shard.id)
        if self._ends_at(position):
            return True
        with Prefetch(partial(self._pages, position), self.shard.id) as prefetch:
            while not self._stop.is_set():
                records = prefetch.take(LOOK_SECONDS)
                if records is None:
                    self._apply.note(self.shard.id)
                    return True
                self._is_well()
                if not records:
                    self._apply.note(self.shard.id, if_due=True)
                elif not self._write(records):
                    return False
                self._failing = None
        self._apply.note(self.shard.id)
        return False

    def _pages(self, after: str, wait: Callable[[float], bool]) -> Iterator[list[StreamRecord]]:
        return pages(self._open_at, self._stream.read, after, wait, lambda: self.shard.last)

    def _open_at(self, position: str) -> str:
        if not position:
            self._check_beginning()
        return self._stream.iterator(self.shard.id, position)

    def _write(self, records: list[StreamRecord]) -> bool:
        """Apply a batch; whether all of it is applied, so that reading may go on."""
        result = self._apply.apply_shard(self.shard.id, records, monotonic() + BATCH_SECONDS)
        self._reports.applied(self.shard.id, result, records)
        if result.parked:
            log.warning(
                "shard %s: %d records could not be counted; `tallies parked list` shows them",
                self.shard.id,
                result.parked,
            )
        if result.unapplied_from is not None:
            pause = self._retry.pause()
            log.warning(
                "shard %s: not all is in (%s); it is read again from %s in %.1f s",
                self.shard.id,
                result.reason,
                result.unapplied_from,
                pause,
            )
            self._stop.wait(pause)
            return False
        self._retry.news()
        if len(records) < MAX_RECORDS:
            self._stop.wait(REST_SECONDS)
        return True

    def _ends_at(self, position: str) -> bool:
        return self.shard.last is not None and position >= self.shard.last

    def _check_beginning(self) -> None:
        """Check that nothing was lost before or in a shard that has not been read from yet.

        Raises:
            HistoryTrimmed: something was, or may have been.
        """
        if self.rootless:
            raise HistoryTrimmed(nobody_knows(self.shard))
        check_beginning(self._stream, self.shard)
