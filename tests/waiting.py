"""Waiting for what another thread or process does; long enough for a busy machine."""

from collections.abc import Callable
from time import monotonic, sleep

WAIT_SECONDS = 120.0


def until(what: Callable[[], object], wait_seconds: float = WAIT_SECONDS) -> None:
    """Wait for something to become true."""
    deadline = monotonic() + wait_seconds
    while not what():
        assert monotonic() < deadline, "it did not come true in time"
        sleep(0.01)
