"""Liveness: which workers still count, by this worker's own clock."""

from collections.abc import Callable, Mapping
from time import monotonic

DEAD_SECONDS = 10.0
"""A worker that has not counted for this long is taken for dead: long for a pause of its machine,
short for a lag in the tallies. One that comes back has lost its shards and does no harm."""


class Watch:
    """Remembers when each worker's count last moved."""

    def __init__(
        self, clock: Callable[[], float] = monotonic, dead_seconds: float = DEAD_SECONDS
    ) -> None:
        self._clock = clock
        self._dead_seconds = dead_seconds
        self._moved: dict[str, tuple[int, float]] = {}

    def alive(self, beats: Mapping[str, int]) -> set[str]:
        """The workers that seem alive; a new one counts as alive until it has missed its beats."""
        now = self._clock()
        self._moved = {
            worker: before
            if (before := self._moved.get(worker)) is not None and before[0] == beat
            else (beat, now)
            for worker, beat in beats.items()
        }
        return {worker for worker, (_, at) in self._moved.items() if now - at < self._dead_seconds}
