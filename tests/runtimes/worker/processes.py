"""Workers as processes, started by the command."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cli.command import environment

STOP_SECONDS = 60.0
OPTIONS = ("--metrics-port", "0", "--take-over-after", "2")


@dataclass
class WorkerProcess:
    """A running `tallies worker`."""

    process: subprocess.Popen[str]
    name: str
    metrics_url: str

    def kill(self) -> None:
        """End it as a machine that loses its power does."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; its exit code and what else it said."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, said


@contextmanager
def worker_process(store_url: str) -> Iterator[WorkerProcess]:
    """Run a worker for the length of the block."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tallies", "worker", *OPTIONS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TALLIES_STORE=store_url),
    )
    assert process.stderr is not None
    try:
        metrics = re.search(r"http://\S+", process.stderr.readline())
        name = re.match(r"Worker (\S+) reads", process.stderr.readline())
        assert metrics, process.communicate()
        assert name, process.communicate()
        yield WorkerProcess(process, name[1], metrics[0])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()
