"""How long random histories run: in full in continuous integration; elsewhere a fortieth,
or the least that a test names, and steps by five."""

import os

from tests.engines.fixtures import in_ci

SHARE = 40
STRIDE = 5


def in_full() -> bool:
    """Whether nothing is made shorter: where CI or TALLIES_FULL is set."""
    return in_ci() or "TALLIES_FULL" in os.environ


def at_length(full: int, least: int = 1) -> int:
    """How many of so many, but at least `least`; all of them where CI or TALLIES_FULL is set."""
    return full if in_full() else max(full // SHARE, least)


def stride() -> int:
    """How far to go on from one step to the next: by one where CI or TALLIES_FULL is set."""
    return 1 if in_full() else STRIDE
