"""Liveness: who still counts, by one's own watch."""

from collections.abc import Callable, Mapping
from time import monotonic

DEAD_SECONDS = 10.0
"""A worker that has not counted for so long is taken for dead: long for a pause of its machine,
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
        """The workers that live, as far as one can know: a new one does until proved otherwise."""
        now = self._clock()
        self._moved = {
            worker: before
            if (before := self._moved.get(worker)) is not None and before[0] == beat
            else (beat, now)
            for worker, beat in beats.items()
        }
        return {worker for worker, (_, at) in self._moved.items() if now - at < self._dead_seconds}
