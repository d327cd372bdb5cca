"""How long random histories run: in full in continuous integration, a fifth before."""

import os

SHARE = 5


def at_length(full: int) -> int:
    """How many of so many; all of them where CI or TALLIES_FULL is set."""
    is_ci = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    return full if is_ci or "TALLIES_FULL" in os.environ else full // SHARE
