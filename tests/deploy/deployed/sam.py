"""SAM's command line in processes that begin with it imported: forks of one that has done so.

To import it takes a second, and each stack takes several commands. A file that is run by the Python
of SAM's own environment, too, as the one that waits: so it imports nothing of the project.
"""

import gc
import json
import os
import runpy
import subprocess
import sys
import threading
from atexit import register
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

NEEDED = (
    "samcli.cli.main",
    "samcli.commands.delete.command",
    "samcli.commands.delete.delete_context",
    "samcli.commands.deploy.command",
    "samcli.commands.deploy.deploy_context",
    "samcli.commands.package.package_context",
    "samcli.lib.bootstrap.bootstrap",
)


class Sam:
    """Runs commands, one at a time."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        """Let the one that waits end; so it does when this process is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(
        self, arguments: Sequence[str], env: Mapping[str, str], folder: Path, seconds: float
    ) -> tuple[int, str]:
        """Run `sam` with these arguments: its exit code (that of a signal when it takes longer
        than these seconds), and what it wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log = folder / "sam.log"
        wish = {"arguments": list(arguments), "env": dict(env), "folder": str(folder)}
        self._process.stdin.write(json.dumps({**wish, "log": str(log), "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        code = self._process.stdout.readline()
        assert code, "the process that runs SAM's commands has ended"
        return int(code), log.read_text(encoding="utf-8", errors="replace")


@cache
def started(python: Path) -> Sam:
    """The one that waits, for all tests of this process."""
    sam = Sam(python)
    register(sam.close)
    return sam


def _become(arguments: list[str], env: dict[str, str], folder: str, log: str) -> None:
    """Run the command to its end, which is that of this process."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[1:] = arguments
    runpy.run_module("samcli", run_name="__main__", alter_sys=True)


def _main() -> None:
    for name in NEEDED:
        import_module(name)
    gc.collect()
    gc.freeze()  # else each fork looks through all of it, and copies the memory by that
    assert threading.active_count() == 1, "a thread would be lost in a fork"
    for line in sys.stdin:
        wish = json.loads(line)
        seconds = wish.pop("seconds")
        if (pid := os.fork()) == 0:
            _become(**wish)
            return
        timer = threading.Timer(seconds, os.kill, (pid, 9))
        timer.start()
        _, ended = os.waitpid(pid, 0)
        timer.cancel()
        timer.join()
        print(os.waitstatus_to_exitcode(ended), flush=True)


if __name__ == "__main__":
    _main()
