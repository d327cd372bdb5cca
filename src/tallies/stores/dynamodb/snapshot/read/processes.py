"""Processes that scan in parallel, since one interpreter decodes rows on one core only.

Each is a Python of its own that runs this module, not the caller's program, which need not be safe
to start again. Its input says what to scan, and its output is what it found; only the caller writes
into the spill. When its input ends, the caller is gone, and the process exits.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, NamedTuple, cast

from tallies.core.errors import StoreError
from tallies.stores.dynamodb.client.clients import Clients
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.snapshot.read.scan import Pace, Scan, Scanned

ROWS_WORTH_ONE = 1_000_000
"""Rows for each process: reading them takes it some 15 seconds, and starting half a second."""
UNITS_OF_ONE = 2_000
"""How many read units a second one process can handle, with small rows."""
_WAITING = 4
"""How many results may wait for the spill before the processes must."""


@dataclass(frozen=True)
class Processes:
    """How many there may be, and where they find the tables."""

    region: str
    endpoint: str | None
    wanted: int | None = None
    """None for as many as the size of the table warrants, at most one for each core."""

    def number(self, rows: int, units_a_second: float | None) -> int:
        """How many to use for a table of about this many rows."""
        if not sys.executable:  # a program that embeds Python may have none to start
            return 1
        if self.wanted is not None:
            return self.wanted
        worth = min(rows // ROWS_WORTH_ONE, _cores())
        if units_a_second is not None:
            worth = min(worth, ceil(units_a_second / UNITS_OF_ONE))
        return max(worth, 1)

    def read(
        self, scan: Scan, starts: Mapping[int, Any], units_a_second: float | None, number: int
    ) -> Generator[Scanned]:
        """As `Scan.read`, in this many processes.

        Raises:
            StoreError: one of them raised it, or ended early.
        """
        divided = [dict(list(starts.items())[each::number]) for each in range(number)]
        divided = [some for some in divided if some]
        rate = None if units_a_second is None else units_a_second / max(len(divided), 1)
        handed: Queue[_Handed] = Queue(_WAITING)
        with ExitStack() as stack:
            for some in divided:
                job = _Job(scan, some, rate, self.region, self.endpoint)
                stack.enter_context(_running(job, handed))
            left = len(divided)
            while left:
                found = handed.get()
                if isinstance(found, Scanned):
                    yield found
                elif isinstance(found, BaseException):
                    raise found
                else:
                    left -= 1


class _Job(NamedTuple):
    scan: Scan
    starts: Mapping[int, Any]
    units_a_second: float | None
    region: str
    endpoint: str | None


_Handed = Scanned | Exception | None
"""What was found, an error, or None at the end."""


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))  # those that this process may use
    return os.cpu_count() or 1


@contextmanager
def _running(job: _Job, handed: "Queue[_Handed]") -> Iterator[None]:
    command = [sys.executable, "-m", __name__]
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(  # noqa: S603 # nothing of it is anybody's input
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        told, output = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        taking = Thread(target=_take, args=(process, output, handed.put), daemon=True)
        try:
            with suppress(BrokenPipeError):  # how it ended is reported below
                pickle.dump(job, told)
                told.flush()
            taking.start()
            yield
        finally:
            process.kill()
            while taking.is_alive():  # it may be waiting for room
                with suppress(Empty):
                    handed.get(timeout=0.01)
            with suppress(BrokenPipeError):
                told.close()


def _take(
    process: "subprocess.Popen[bytes]", output: IO[bytes], hand_over: Callable[[_Handed], None]
) -> None:
    try:
        while (found := pickle.load(output)) is not None:  # noqa: S301 # our own process wrote it
            hand_over(found)
        hand_over(None)
    except Exception:  # noqa: BLE001 # whatever half of what was handed over looks like
        hand_over(
            StoreError(
                f"A process that scanned the source ended with {process.wait()}, perhaps for want"
                " of memory; run it again with fewer, by --processes."
            )
        )


def _work(job: _Job, hand_over: Callable[[_Handed], None]) -> None:
    clients = Clients(job.region, job.endpoint)
    client = explained(clients.scanning, "the tables")
    with (
        closing(clients),
        closing(job.scan.read(client, job.starts, Pace(job.units_a_second))) as parts,
    ):
        for part in parts:
            hand_over(part)


def main() -> None:
    """The life of one process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the caller, which ends this process
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # for whatever else is printed

        def hand_over(found: _Handed) -> None:
            pickle.dump(found, output, pickle.HIGHEST_PROTOCOL)
            output.flush()

        job = pickle.load(sys.stdin.buffer)  # noqa: S301 # the caller wrote it
        Thread(target=_end_with, args=(sys.stdin.fileno(),), daemon=True).start()
        try:
            _work(job, hand_over)
        except StoreError as error:
            hand_over(error)
        except Exception as error:  # noqa: BLE001 # raised where somebody sees it
            hand_over(RuntimeError(f"A process that scanned the source failed: {error!r}"))
        hand_over(None)


def _end_with(caller: int) -> None:
    # Not through `sys.stdin`, whose lock Python itself takes when it ends.
    while os.read(caller, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
