"""Real processes on DynamoDB Local, under load: whatever dies, the tallies equal GROUP BY."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Event, Thread

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.cli.command import tallies
from tests.length import at_length
from tests.runtimes.worker.conftest import Start
from tests.runtimes.worker.processes import WorkerProcess, worker_process
from tests.waiting import until
from tests.web import WEB

USERS, RESTAURANTS = 60, 12
REST_SECONDS = 0.01


class Load:
    """Somebody who marks and unmarks, in a thread."""

    def __init__(self, store: DynamoFavorites, seed: int = 1) -> None:
        self.writes = 0
        self._store = store
        self._random = Random(seed)
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            user = f"user-{self._random.randrange(USERS)}"
            restaurant = f"restaurant-{int(self._random.paretovariate(1)) % RESTAURANTS}"
            if self._random.random() < 0.7:
                self._store.mark(user, restaurant)
            else:
                self._store.unmark(user, restaurant)
            self.writes += 1
            self._stop.wait(REST_SECONDS)  # leaves a processor to the workers

    def more(self, writes: int) -> None:
        """Wait until so many more writes are made."""
        wanted = self.writes + writes
        until(lambda: self.writes >= wanted)

    @contextmanager
    def going_on(self) -> Iterator["Load"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()


def until_equal_to_group_by(store: DynamoFavorites) -> None:
    """Wait until nothing is on its way, and see that every tally is what a count gives."""
    until(lambda: store.backlog.oldest() is None)
    found = store.verify()
    assert not found.drifted
    assert found.checked
    # Not only by the product's own proof: counted here, from the rows themselves.
    counted: dict[str, int] = {}
    for number in range(USERS):
        for favorite in store.favorites_of(f"user-{number}", 1000):
            counted[favorite.restaurant_id] = counted.get(favorite.restaurant_id, 0) + 1
    assert {line.group: line.amount for line in store.leaderboard("all", 1000)} == counted


def until_all_is_counted(store: DynamoFavorites, start: Start) -> None:
    """Let a worker of this process carry over what is left, and compare."""
    last = start()
    until_equal_to_group_by(store)
    assert last.stop()


def holders(store: DynamoFavorites) -> set[str]:
    return {lease.holder for lease in store.leases.roll().leases.values() if lease.holder}


def until_reading(store: DynamoFavorites, *workers: WorkerProcess) -> WorkerProcess:
    """Wait until one of the workers holds the shard; which."""
    by_name = {worker.name: worker for worker in workers}
    until(lambda: holders(store) & by_name.keys())
    (holder,) = holders(store)
    return by_name[holder]


@pytest.mark.slow
def test_kill_nine_under_load_and_the_other_takes_over(store: DynamoFavorites) -> None:
    with worker_process(store.url) as ann, worker_process(store.url) as bob:
        reading = until_reading(store, ann, bob)
        other = bob if reading is ann else ann
        with Load(store).going_on() as load:
            load.more(at_length(200, 100))
            until(lambda: store.leaderboard("all", 1))
            reading.kill()
            assert until_reading(store, other) is other
            load.more(at_length(100, 50))
        until_equal_to_group_by(store)
        assert other.stop()[0] == 0


@pytest.mark.slow
def test_killed_again_and_again(store: DynamoFavorites) -> None:
    # Alone each time: whoever comes next has to wait until the one before counts as dead.
    with Load(store, seed=2).going_on() as load:
        for _ in range(2):
            with worker_process(store.url) as worker:
                assert until_reading(store, worker) is worker
                load.more(60)
                worker.kill()
    with worker_process(store.url) as last:
        until_equal_to_group_by(store)
        assert last.stop()[0] == 0


@pytest.mark.slow(only="15")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_under_load_it_finishes_its_batch_and_leaves(
    store: DynamoFavorites, start: Start, number: signal.Signals
) -> None:
    with worker_process(store.url) as worker, Load(store, seed=3).going_on() as load:
        until_reading(store, worker)
        load.more(100)
        code, said = worker.stop(number)
        assert code == 0, said
        assert not re.search("WARNING|ERROR|Traceback", said), said
        # Others need not wait to be sure that it is gone.
        roll = store.leases.roll()
        assert worker.name not in roll.beats
        assert not holders(store)
        # What was begun is whole: all rows are equally far, and someone got that far.
        (part,) = store.backlog.shards()
        (run,) = part.known.progress.runs
        assert run.position
    until_all_is_counted(store, start)


def test_its_metrics_count_what_it_did(store: DynamoFavorites) -> None:
    with worker_process(store.url) as worker:
        for user in range(25):
            store.mark(f"user-{user}", "restaurant-1")
        until(lambda: store.leaderboard("all", 1) and store.leaderboard("all", 1)[0].amount == 25)
        until(lambda: "tallies_records_applied_total 25.0" in WEB.get(worker.metrics_url).text)
        told = WEB.get(worker.metrics_url).text
        assert "tallies_shards_held 1.0" in told
        assert "tallies_shards_in_trouble 0.0" in told
        assert re.search(r"tallies_delay_seconds_count [1-9]", told)
        port = worker.metrics_url.split(":")[2].split("/")[0]
        refused = tallies("worker", "--metrics-port", port, store=store.url)
        assert refused.code == 2
        assert refused.err.count("\n") == 1
        assert "--metrics-port" in refused.err
