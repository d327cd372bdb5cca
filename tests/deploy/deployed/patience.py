"""Waiting for what a deployed stack does by itself."""

import time
from collections.abc import Callable

import pytest

from tests.engines.ministack import Cloud

PATIENCE_SECONDS = 180.0


def until(condition: Callable[[], bool], cloud: Cloud, what: str) -> None:
    """Come back when the condition holds, or fail and say what went missing."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} in {PATIENCE_SECONDS:.0f} s; {cloud.engine.log_text()[-3000:]}")
        time.sleep(0.2)
