"""Run one engine, and end it when whoever started us is gone. A script of its own, no imports.

The parent holds our standard input open and never writes to it. However the parent ends (SIGKILL
too), the kernel closes that pipe, we read the end of it and stop the engine. On Linux we also
adopt what the engine leaves behind: the Lambda emulator puts each runtime into a process group of
its own, which no group signal from outside would reach.

usage: python guardian.py COMMAND [ARGUMENT ...]
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE_SECONDS = 5
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stop(engine: subprocess.Popen[bytes]) -> None:
    engine.terminate()
    try:
        engine.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        engine.kill()


def _stop_at_end_of_input(engine: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    _stop(engine)


def _kill_orphans() -> None:
    """Kill and reap every process that was handed to us, and what is handed to us thereby."""
    ours = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):  # no such list (not Linux), or no children left to wait for
        while True:
            for child in ours.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
            os.wait()


def main() -> int:
    _adopt_orphans()
    engine = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: engine.terminate())
    threading.Thread(target=_stop_at_end_of_input, args=(engine,), daemon=True).start()
    status = engine.wait()
    _kill_orphans()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
