"""Start an engine behind its guardian, wait until it answers, stop it."""

import contextlib
import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .errors import EngineError, EngineMissingError

GUARDIAN = Path(__file__).with_name("guardian.py")
START_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02
ATTEMPTS = 3
LOOPBACK = "127.0.0.1"
T = TypeVar("T")


@dataclass(frozen=True)
class Engine:
    """A running engine: its guardian's process, and what the engine has written so far."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_answering(self, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if self.process.poll() is not None:
                raise EngineError(f"{self.name} ended while starting; its log:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise EngineError(
                    f"{self.name} did not answer within {START_SECONDS:.0f} s; "
                    f"its log:\n{self._tail()}"
                )
            time.sleep(POLL_SECONDS)

    def _tail(self) -> str:
        return "\n".join(self.log_text().splitlines()[-15:]) or "(empty)"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def request(
    port: int,
    method: str,
    path: str,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = 5.0,
) -> tuple[int, str]:
    """One request to an engine: straight to the loopback, whatever proxy the machine has set."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_seconds)
    try:
        connection.request(
            method, path, body.encode() if body is not None else None, dict(headers or {})
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", errors="replace")
    finally:
        connection.close()


@contextlib.contextmanager
def retried(start: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    """Start again if it fails: a free port may be taken before the engine binds it."""
    with contextlib.ExitStack() as stack:
        for _ in range(ATTEMPTS - 1):
            try:
                running = stack.enter_context(start())
                break
            except EngineMissingError:
                raise
            except EngineError:
                continue
        else:
            running = stack.enter_context(start())
        yield running


@contextlib.contextmanager
def guarded(
    name: str,
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Engine]:
    """The command under its guardian, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="tallies-engine-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                # Isolated: the environment is the engine's, not for the guardian to be led by.
                [sys.executable, "-I", str(GUARDIAN), *command],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=None if env is None else dict(env),
                # Ctrl-C is for the tests; they then stop the engine in good order.
                start_new_session=True,
            )
        try:
            yield Engine(name, process, log)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
