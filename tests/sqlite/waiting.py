"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 20.0


def until(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as it holds; fail when it does not for so long."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
