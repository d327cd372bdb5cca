"""The lag in seconds, as certain as it can be without trusting any wall clock.

The log says when each record was written, by the writer's clock. A process that looks again and
again knows more, by its monotonic clock: a record that was there at one look is at least as old as
that look, and one that was not there is younger. Within these bounds, the wall clocks decide.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from time import monotonic

from tallies.stores.sqlite.rows.names import Names, quoted

MAX_LOOKS = 1_000
SKEW_SECONDS = 1.0
"""How far in the future a record may seem to be; beyond that, one of the clocks is wrong."""
_SECONDS_A_DAY = 86_400


def unapplied(connection: sqlite3.Connection, names: Names) -> tuple[int, int, float]:
    """The position of the tallies, the end of the log, and how old the first record between them is
    by the clocks of its writer and of this process, in seconds."""
    log = quoted(names.log)
    position, last = connection.execute(
        f"SELECT position, (SELECT max(position) FROM {log}) FROM {quoted(names.catalog)}"
    ).fetchone()
    end, days = max(last or 0, position), 0.0
    if end > position:
        (days,) = connection.execute(
            f"SELECT julianday('now') - logged_at FROM {log} WHERE position > ?"
            " ORDER BY position LIMIT 1",
            (position,),
        ).fetchone()
    return position, end, days * _SECONDS_A_DAY


@dataclass(slots=True)
class _Looks:
    end: int
    first: float
    last: float


class LagWatch:
    """Remembers when each end of the log was first and last seen. Threads may share it."""

    def __init__(self, watch: Callable[[], float] = monotonic) -> None:
        self._watch = watch
        self._looks: deque[_Looks] = deque()
        self._lock = Lock()

    def age(self, position: int, end: int, by_clock: float) -> float | None:
        """How old the record after `position` is, in seconds; 0 where the log ends there.

        `by_clock` is its age by the clocks of its writer and of this process. None where these
        contradict each other and nothing else is known yet.
        """
        now = self._watch()
        with self._lock:
            self._note(end, now)
            while len(self._looks) > 1 and self._looks[1].end <= position:
                self._looks.popleft()
            if end <= position:
                return 0.0
            with_it = next(look for look in self._looks if look.end > position)
            before = self._looks[0] if self._looks[0].end <= position else None
        at_least = now - with_it.first
        if by_clock < -SKEW_SECONDS and not at_least:
            return None
        at_most = by_clock if before is None else min(by_clock, now - before.last)
        return max(at_least, at_most)

    def _note(self, end: int, now: float) -> None:
        if self._looks and end < self._looks[-1].end:  # another file, or an older state of it
            self._looks.clear()
        if self._looks and end == self._looks[-1].end:
            self._looks[-1].last = now
            return
        self._looks.append(_Looks(end, now, now))
        if len(self._looks) > MAX_LOOKS:
            # Every other one is enough, and those on which the present answer rests: the first two
            # and the newest.
            first, newest = self._looks.popleft(), self._looks.pop()
            self._looks = deque([first, *islice(self._looks, 0, None, 2), newest])
