"""Running the command as a user does, as a process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLIES_")}
    return {**kept, "PYTHONWARNINGS": "error", **variables}


def tallies(*arguments: str | Path, store: str | None = None, **variables: str) -> Ran:
    """Run `tallies`; no test of it may leave a traceback."""
    if store is not None:
        variables["TALLIES_STORE"] = store
    done = subprocess.run(
        [sys.executable, "-m", "tallies", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(**variables),
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
