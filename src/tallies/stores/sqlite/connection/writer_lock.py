"""A fair lock: a thread that waits is not overtaken by one that has just held the lock."""

from threading import Lock
from time import monotonic


class WriterLock:
    """Lets one thread in at a time; no waiting thread is overtaken by one that has just been in.

    A plain lock may go back again and again to the thread that released it: a thread that writes
    without a pause would keep the aggregation out, or the other way round.
    """

    __slots__ = ("_inside", "_next")

    def __init__(self) -> None:
        self._next = Lock()
        self._inside = Lock()

    def enter(self, seconds: float) -> bool:
        """Wait for the caller's turn, for `seconds` at most; whether it came."""
        until = monotonic() + seconds
        if not self._next.acquire(timeout=seconds):
            return False
        try:
            # Only the holder of `_next` asks for `_inside`: it goes to nobody else.
            return self._inside.acquire(timeout=max(0.0, until - monotonic()))
        finally:
            self._next.release()

    def leave(self) -> None:
        """Let the next one in."""
        self._inside.release()
