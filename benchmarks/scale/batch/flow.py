"""Rows on their way, many side by side: the rows of a batch, or those that change their bucket.

They are sent one after another, as fast as the function's processor or the answers allow. Those
that a full partition refuses come again after a pause, and the others go on meanwhile, until as
many wait as may be under way.
"""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from benchmarks.scale.facts import AT_ONCE, UPDATE_SECONDS
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.popularity import Bools, Floats, Ints

_ROWS_OF_A_PIECE = 48
_MOST_PIECES = 32


class _Waiting(NamedTuple):
    at: float
    number: int
    which: Ints
    attempt: int


Write = Callable[[Ints, float, Floats], Bools]
"""Write some rows, given by their numbers, sent at a moment and answered at those. Which of them
have to come again."""


class Flow:
    """So many rows, which are called by their numbers."""

    def __init__(self, field: Field, count: int, write: Write) -> None:
        self._field = field
        self._write = write
        piece = max(_ROWS_OF_A_PIECE, -(-count // _MOST_PIECES))
        ends = [*range(0, count, piece), count]
        self._ahead = deque(np.arange(start, end) for start, end in pairwise(ends))
        self._waiting: list[_Waiting] = []
        self._pushed = 0
        self.latest = 0.0
        """When the last of those that were sent was answered."""

    def step(self, now: float) -> float | None:
        """Send some rows; when to send the next, None when all are in."""
        attempt = 0
        if self._waiting and self._waiting[0].at <= now:
            _, _, which, attempt = heapq.heappop(self._waiting)
        else:
            which = self._ahead.popleft()
        taken = self._field.of_updates(len(which))
        answer = UPDATE_SECONDS.value * self._field.settings.transaction_factor
        between = max(taken / len(which), answer / AT_ONCE.value)
        sent: Floats = now + between * np.arange(1, len(which) + 1, dtype=np.float64)
        answered = sent + self._field.update_seconds()
        refused = self._write(which, now, answered)
        self.latest = max(self.latest, float(answered[-1]))
        if refused.any():
            again = float(answered[-1]) + self._field.pause(attempt)
            self._pushed += 1
            waiting = _Waiting(again, self._pushed, which[refused], attempt + 1)
            heapq.heappush(self._waiting, waiting)
        return self._next(float(sent[-1]))

    def _next(self, free: float) -> float | None:
        waiting = sum(len(each.which) for each in self._waiting)
        if self._ahead and waiting < AT_ONCE.value:
            return free
        return max(free, self._waiting[0].at) if self._waiting else None
