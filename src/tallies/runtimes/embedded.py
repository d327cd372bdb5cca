"""The embedded loop: a thread that aggregates while it holds the lease, else waits for it."""

import logging
from collections.abc import Callable, Iterator
from threading import Event, Thread
from time import monotonic, sleep
from typing import Self

from tallies.core.errors import TalliesError
from tallies.stores.protocol import Applied
from tallies.stores.sqlite import SqliteStore
from tallies.stores.sqlite.apply.aggregate import BATCH_RECORDS
from tallies.stores.sqlite.connection import forks

TICK_SECONDS = 0.05
"""Pause between reads of the log: short for people, long enough that changes fold together."""
REST_RATIO = 100
"""A pause is this many times as long as the step before it: writers have the file, and the
processor, nearly to themselves however much they write..."""
MAX_TICK_SECONDS = 1.0
"""...but a pause is never longer than this, and a backlog is worked off without any pause."""
SWEEP_SECONDS = 1.0
LOOK_SECONDS = 1.0
"""The pause between two measurements of the lag."""
EXPIRE_SECONDS = 60.0
"""Between two searches for windows that are no longer kept, which are then a day past their end."""
TROUBLE_SECONDS = 1.0

log = logging.getLogger(__name__)


def carry_over(
    store: SqliteStore, on_applied: Callable[[Applied], None] | None = None
) -> Iterator[tuple[int, int]]:
    """Carry what is in the log now into the tallies, beside any other process that aggregates.

    Yields how many change records are done, and out of how many, until all of them are.
    """
    first, last = store.position(), store.end_of_log()
    with EmbeddedLoop(store, on_applied):
        while (position := store.position()) < last:
            yield position - first, last - first
            sleep(TICK_SECONDS)
    yield last - first, last - first


class EmbeddedLoop(forks.Forkable):
    """Aggregates in the background, for a `with` statement. At the end it carries over what is left
    in the log, and gives the lease back."""

    def __init__(
        self,
        store: SqliteStore,
        on_applied: Callable[[Applied], None] | None = None,
        *,
        batch: int = BATCH_RECORDS,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._store = store
        self._batch = batch
        self._tick = tick_seconds
        self._on_applied = on_applied or (lambda _: None)
        self._prepare()

    def _prepare(self) -> None:
        self._aggregator = self._store.aggregator(self._batch)
        self._lease = self._store.lease()
        self._stop = Event()
        self._look_at = 0.0
        self._step_at = 0.0
        self._sweep_at = 0.0
        self._expire_at = 0.0
        self._turned_at = monotonic()
        self._thread = Thread(target=self._run, name="tallies-aggregator", daemon=True)

    @property
    def silent_seconds(self) -> float:
        """Seconds since it last did its work, or saw that another process does it."""
        return monotonic() - self._turned_at

    def __enter__(self) -> Self:
        self._thread.start()
        forks.follow(self)
        return self

    def after_fork_in_child(self) -> None:
        """A fork does not copy the thread: start another, which waits while the parent's
        aggregates."""
        if not self._stop.is_set():
            self._prepare()
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            pause = self._guarded_turn()
        try:
            if self._lease.hold():
                while self._step().records:
                    pass
                self._lease.release()
        except TalliesError as error:
            log.warning("aggregation stopped with records left in the log: %s", error)

    def _guarded_turn(self) -> float:
        try:
            pause = self._turn()
        except TalliesError as error:
            # The log keeps every record; what failed now is applied when the trouble is over.
            log.warning("aggregation waits: %s", error)
            return TROUBLE_SECONDS
        except Exception:
            log.exception("aggregation waits, for a reason that nobody foresaw")
            return TROUBLE_SECONDS
        self._turned_at = monotonic()
        return pause

    def _turn(self) -> float:
        """One turn of the loop; how long to pause after it, in seconds."""
        is_ours = self._lease.hold()
        if monotonic() >= self._look_at:
            # With regular looks, the lag asked for later is measured by a monotonic clock.
            self._store.lag()
            self._look_at = monotonic() + LOOK_SECONDS
        if not is_ours:
            return max(0.0, self._lease.due - monotonic())
        if monotonic() >= self._sweep_at and not self._store.tidy():
            self._sweep_at = monotonic() + SWEEP_SECONDS
        if monotonic() >= self._expire_at and not self._store.expire():
            self._expire_at = monotonic() + EXPIRE_SECONDS
        if (began := monotonic()) >= self._step_at:
            more = self._step().more
            rest = REST_RATIO * (monotonic() - began)
            pause = 0.0 if more else max(self._tick, min(rest, MAX_TICK_SECONDS))
            self._step_at = monotonic() + pause
        return max(0.0, min(self._step_at, self._lease.due) - monotonic())

    def _step(self) -> Applied:
        applied = self._aggregator.step()
        if applied.records or applied.duplicates:
            self._on_applied(applied)
        return applied
