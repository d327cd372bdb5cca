"""Waiting for what another thread or process does; long enough for a busy machine."""

from collections.abc import Callable
from time import monotonic, sleep

WAIT_SECONDS = 120.0


def until(what: Callable[[], object], wait_seconds: float = WAIT_SECONDS) -> None:
    """Wait for something to become true.

    Asked ever more seldom, since to ask keeps a processor from what is waited for: a tenth of the
    time so far, and a hundredth of a second, is added at most.
    """
    begun = monotonic()
    while not what():
        waited = monotonic() - begun
        assert waited < wait_seconds, "it did not come true in time"
        sleep(min(0.01 + waited / 10, 0.2))
