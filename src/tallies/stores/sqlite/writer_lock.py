"""A lock that is fair: whoever came first goes first, however often the other comes back."""

from threading import Lock
from time import monotonic


class WriterLock:
    """One at a time, and of those who wait nobody is overtaken by one who has just been in.

    A plain lock may go back to the thread that gave it up, again and again: a thread that writes
    without a pause would keep the aggregation out, or the other way round.
    """

    __slots__ = ("_inside", "_next")

    def __init__(self) -> None:
        self._next = Lock()
        self._inside = Lock()

    def enter(self, seconds: float) -> bool:
        """Wait for one's turn, for so long at most; whether it came."""
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
