"""Processes of ours for the time of a `with` statement."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from time import monotonic, sleep

START_SECONDS = 30.0
STOP_SECONDS = 10.0


@contextmanager
def server(arguments: Sequence[str]) -> Iterator[str]:
    """Run this Python with the arguments; gives `host:port` when the server answers.

    The program prints its address before it serves.
    """
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as it:
        try:
            assert it.stdout is not None
            said = it.stdout.readline()
            found = re.search(r"http://([^/\s]+)/", said)
            if found is None:
                raise RuntimeError(f"{' '.join(arguments)} did not start: it said {said!r}.")
            _await_answer(found[1])
            yield found[1]
        finally:
            it.terminate()
            try:
                it.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                it.kill()


@contextmanager
def beside(program: str | None, argument: str) -> Iterator[None]:
    """Run a program in this Python, with one argument, until the end; None runs nothing.

    The program prints a line when it begins.
    """
    if program is None:
        yield
        return
    with subprocess.Popen(
        [sys.executable, "-c", program, argument], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def _await_answer(address: str) -> None:
    until = monotonic() + START_SECONDS
    while True:
        try:
            connection = HTTPConnection(address, timeout=START_SECONDS)
            connection.request("GET", "/health")
            connection.getresponse().read()
        except OSError:
            if monotonic() > until:
                raise
            sleep(0.05)
        else:
            connection.close()
            return
