"""A store on DynamoDB Local, workers in threads, and waiting for what they do."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Thread
from typing import Protocol

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.runtimes.worker import Worker
from tallies.runtimes.worker.pace import Pace
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.simulated import SimulatedStream
from tests.waiting import until

BEAT_SECONDS = 0.05
DEAD_SECONDS = 1.0


def all_time(store: DynamoFavorites) -> dict[str, int]:
    return {line.group: int(line.amount) for line in store.leaderboard("all", 1000)}


def until_counted(store: DynamoFavorites, expected: Mapping[str, int]) -> None:
    """Wait until the tallies are these."""
    until(lambda: all_time(store) == expected)


def fill(stream: SimulatedStream, shard: str, records: int) -> Counter[str]:
    """Write records of a few restaurants; what they add up to."""
    made: Counter[str] = Counter()
    for number in range(records):
        restaurant = f"r{number % 7}"
        stream.mark(shard, restaurant, f"{shard}-{number}")
        made[restaurant] += 1
    return made


class Start(Protocol):
    def __call__(self, name: str = "", *, of: DynamoFavorites | None = None) -> "Running": ...


class Running:
    """A worker in a thread of this process."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.was_well: bool | None = None
        self.thread = Thread(target=self._run, name=worker.name)

    def _run(self) -> None:
        self.was_well = self.worker.run()

    def stop(self) -> bool:
        """Stop it in good order; whether it could apply everything."""
        self.worker.stop()
        self.thread.join()
        assert self.was_well is not None
        return self.was_well


@pytest.fixture
def store(aws_environment: DynamoDBAccount, layout_options: str) -> Iterator[DynamoFavorites]:
    with DynamoFavorites.from_url(aws_environment.store_url("app") + layout_options) as store:
        store.init()
        yield store


@pytest.fixture
def simulated(store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch) -> SimulatedStream:
    """A stream with one open shard, `a`, in the place of the store's own.

    Whoever reads it rests for hundredths of a second only: it costs nobody anything.
    """
    monkeypatch.setattr("tallies.runtimes.worker.pages.Pace", partial(Pace, 0.01, 0.1))
    monkeypatch.setattr("tallies.runtimes.worker.consumer.REST_SECONDS", 0.01)
    stream = SimulatedStream()
    stream.open("a")
    store.__dict__["stream"] = stream
    monkeypatch.setattr(store, "find_stream", lambda: stream)
    return stream


@contextmanager
def running(worker: Worker) -> Iterator[Running]:
    it = Running(worker)
    it.thread.start()
    try:
        yield it
    finally:
        worker.stop()
        it.thread.join()


@pytest.fixture
def start(store: DynamoFavorites) -> Iterator[Start]:
    """Start a worker; what still runs at the end of the test is stopped."""
    with ExitStack() as stack:

        def start(name: str = "", *, of: DynamoFavorites | None = None) -> Running:
            worker = Worker(
                of or store,
                name=name or None,
                beat_seconds=BEAT_SECONDS,
                dead_seconds=DEAD_SECONDS,
            )
            return stack.enter_context(running(worker))

        yield start
