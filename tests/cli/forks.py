"""Processes that begin with the product imported: forks of one that has done so and waits.

To start Python and import all again takes longer than most commands do, and there are hundreds of
them. What a fork runs is `tallies/__main__.py` from its first line, in a process of its own, with
its own streams, arguments and environment.

`python -m tests.cli.forks SOCKET` is the one that waits.
"""

import contextlib
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import tallies.cli

SLOW = (
    "tallies.favorites.on_dynamodb",
    "tallies.favorites.on_sqlite",
    "tallies.runtimes.worker",
    "uvicorn",
)
"""What commands import only where they need it."""
REPOSITORY = Path(__file__).resolve().parents[2]
MOST_BYTES = 1 << 20
"""Of a request: arguments and the environment."""


class Forks:
    """Runs commands; usable from several threads."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=REPOSITORY,  # wherever the first test to ask is
                env=env,
            )

    def close(self) -> None:
        """Let the one that waits end; so it does when this process is killed."""
        self._socket.close()
        self._process.wait()

    def run(
        self, arguments: Sequence[str], env: Mapping[str, str], timeout_seconds: float
    ) -> tuple[int, str, str]:
        """Run `tallies` with these arguments: its exit code, and what it wrote to both streams.

        Raises:
            subprocess.TimeoutExpired: it took longer; it has been killed.
        """
        wish = {"arguments": list(arguments), "env": dict(env), "folder": str(Path.cwd())}
        ends = [os.pipe() for _ in range(3)]
        try:
            theirs = [write for _, write in ends]
            socket.send_fds(self._socket, [json.dumps(wish).encode()], theirs)
        finally:
            for _, write in ends:
                os.close(write)
        out, err, status = (os.fdopen(read, "rb") for read, _ in ends)
        with out, err, status:
            pid = int(status.readline())
            late = threading.Event()

            def kill() -> None:
                late.set()
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

            timer = threading.Timer(timeout_seconds, kill)
            timer.start()
            try:
                errors: list[bytes] = []
                reader = threading.Thread(target=lambda: errors.append(err.read()))
                reader.start()
                printed = out.read()
                reader.join()
                code = int(status.readline())
            finally:
                timer.cancel()
                timer.join()
            if late.is_set():
                raise subprocess.TimeoutExpired(["tallies", *arguments], timeout_seconds)
        return code, _text(printed), _text(b"".join(errors))


def _text(printed: bytes) -> str:
    return printed.decode().replace("\r\n", "\n").replace("\r", "\n")


def _wait(control: socket.socket) -> tuple[bytes, list[int]]:
    """Fork for each request; comes back in the forks, with the request of each."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MOST_BYTES, 3)
        if not message:
            sys.exit()
        if os.fork() == 0:
            return message, list(descriptors)
        for each in descriptors:
            os.close(each)


def _watch(status: int) -> None:
    """Fork once more: this process tells how the other one ends. Comes back in the other one."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(status)
        return
    os.closerange(0, status)
    os.write(status, f"{pid}\n".encode())
    _, ended = os.waitpid(pid, 0)
    os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
    os._exit(0)


def _become(arguments: Sequence[str], env: Mapping[str, str], folder: str) -> None:
    """Run the command to its end, which is that of this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    # Those of the one that waited know its streams: whether they are files, say.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    sys.argv[1:] = arguments
    runpy.run_module("tallies", run_name="__main__", alter_sys=True)


def main(descriptor: int) -> None:
    """Import what commands need, then serve requests until the socket is closed."""
    for module in pkgutil.walk_packages(tallies.cli.__path__, "tallies.cli."):
        import_module(module.name)
    for name in SLOW:
        import_module(name)
    gc.collect()
    gc.freeze()  # else each fork looks through all of it, and copies the memory by that
    assert threading.active_count() == 1, "a thread would be lost in a fork"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests and for the commands
    with socket.socket(fileno=descriptor) as control:
        message, (out, err, status) = _wait(control)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    _watch(status)
    _become(**json.loads(message))


if __name__ == "__main__":
    main(int(sys.argv[1]))
