"""How long random histories run: in full in continuous integration, a fifth before."""

import os

from tests.engines.fixtures import in_ci

SHARE = 5


def at_length(full: int, least: int = 1) -> int:
    """How many of so many, but at least `least`; all of them where CI or TALLIES_FULL is set."""
    return full if in_ci() or "TALLIES_FULL" in os.environ else max(full // SHARE, least)
