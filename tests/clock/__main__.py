"""Run a command, and all that it starts, by another clock.

usage: python -m tests.clock 2028-02-29T23:59:00Z COMMAND...   (or +10d, +365d)

Needs a C compiler. (In Debian's faketime, Python's own waiting ends at once, or never.)
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path


def seconds_to(when: str) -> int:
    """From now to a moment, or so many days."""
    if when.startswith("+") and when.endswith("d"):
        return int(when[1:-1]) * 86_400
    return int(datetime.fromisoformat(when).timestamp() - time.time())


def main(when: str, *command: str) -> int:
    """The exit code of the command."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "shifted.so"
        source = Path(__file__).with_name("shifted.c")
        cc = os.environ.get("CC", "cc")
        subprocess.run([cc, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        shift = seconds_to(when)
        environment = {**os.environ, "LD_PRELOAD": str(library), "SHIFT_SECONDS": str(shift)}
        shown = datetime.fromtimestamp(time.time() + shift, UTC)
        print(f"== by a clock that says {shown:%Y-%m-%d %H:%M:%S} UTC", flush=True)
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
