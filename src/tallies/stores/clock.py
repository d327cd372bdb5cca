"""The clock: where the present moment comes from."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present moment, with a zone. Tests hand in their own."""


def utc_now() -> datetime:
    """The moment that the machine's clock shows."""
    return datetime.now(UTC)
